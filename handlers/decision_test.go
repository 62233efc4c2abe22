package handlers_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// asked returns a house in which order A-1 waits for a decision.
func asked(t *testing.T, change ...func(*handlers.Workflow)) *house {
	t.Helper()
	h := newHouse()
	require.NoError(t, h.requests(change...).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
	h.take("")
	return h
}

func TestOutcomeWords(t *testing.T) {
	t.Parallel()
	words := map[string]approval.Status{" Approve ": approval.Approved, "NO": approval.Rejected}
	for w := range strings.FieldsSeq("approve approved accept accepted yes true ok") {
		words[w] = approval.Approved
	}
	for w := range strings.FieldsSeq("reject rejected deny denied decline declined no false") {
		words[w] = approval.Rejected
	}
	for word, want := range words {
		h := asked(t)
		require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"`+word+`"}`)))
		require.Equal(t, want, h.approval(t, "A-1").Status, word)
	}
	h := asked(t)
	require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":true}`)))
	require.Equal(t, approval.Approved, h.approval(t, "A-1").Status)
}

func TestDecisionsThatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		meta  []string
		field string
	}{
		"no JSON":       {`approve`, nil, "body"},
		"no order":      {`{"decision":"approve"}`, nil, "order"},
		"another order": {`{"orderId":"A-2","decision":"approve"}`, []string{metadata.OrderID, "A-1"}, "order"},
		"no outcome":    {`{"orderId":"A-1"}`, nil, "outcome"},
		"an odd word":   {`{"orderId":"A-1","decision":"perhaps"}`, nil, "outcome"},
		"a list":        {`{"orderId":"A-1","decision":["approve"]}`, nil, "outcome"},
		"a long ID":     {`{"orderId":"A-1","decision":"approve","decisionId":"` + strings.Repeat("x", 257) + `"}`, nil, "decision_id"},
		"as a source":   {`{"orderId":"A-1","decision":"approve","by":"source:crm"}`, nil, "by"},
		"a long order":  {`{"orderId":"` + strings.Repeat("x", 257) + `","decision":"approve"}`, nil, "order"},
		"unreadable":    {`{"orderId":"A-1","decision":"approve"}`, []string{metadata.Fault, "no body"}, "message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := asked(t)
			requireField(t, c.field, h.decisions(approval.ViaSNS).Handle(msg(t, c.body, c.meta...)))
			require.Equal(t, approval.Pending, h.approval(t, "A-1").Status)
		})
	}
}

// A decision is recognised by the sender's ID, else by the ID of SNS, else by the ID of the delivery, else by its body.
func TestDecisionID(t *testing.T) {
	t.Parallel()
	id := func(body string, meta ...string) string {
		h := asked(t)
		require.NoError(t, h.decisions(approval.ViaSNS).Handle(msg(t, body, meta...)))
		return h.approval(t, "A-1").Votes[0].DecisionID
	}
	plain := `{"orderId":"A-1","decision":"approve"}`
	sns, delivery := []string{metadata.SNSMessageID, "n-1"}, []string{metadata.DeliveryID, "d-1"}
	require.Equal(t, "mine", id(`{"orderId":"A-1","decision":"approve","decisionId":"mine"}`, append(sns, delivery...)...))
	require.Equal(t, "n-1", id(plain, append(sns, delivery...)...))
	require.Equal(t, "d-1", id(plain, delivery...))
	require.Regexp(t, "^body-[0-9a-f]{32}$", id(plain))
	first := id(plain)
	require.Equal(t, first, id(plain), "the same body is the same decision")
	require.NotEqual(t, first, id(`{"orderId":"A-1","decision":"yes"}`))
}

// A decision without an ID has the ID of its words. In a second round nobody can tell it from the first decision.
func TestSameWordsInASecondRound(t *testing.T) {
	t.Parallel()
	plain := `{"orderId":"A-1","decision":"approve","by":"ann"}`
	for name, c := range map[string]struct {
		body string
		meta []string
		want approval.VerdictCode
	}{
		"no ID":               {plain, nil, approval.VerdictDuplicate},
		"the sender's ID":     {`{"orderId":"A-1","decision":"approve","by":"ann","decisionId":"1"}`, nil, approval.VerdictRepeated},
		"the ID of SNS":       {plain, []string{metadata.SNSMessageID, "n-1"}, approval.VerdictRepeated},
		"the delivery's ID":   {plain, []string{metadata.DeliveryID, "d-1"}, approval.VerdictRepeated},
		"the approval's name": {`{"orderId":"A-1","decision":"approve","approvalId":"%s"}`, nil, approval.VerdictDecided},
	} {
		h := asked(t)
		d := h.decisions(approval.ViaAPI)
		first := h.approval(t, "A-1").ID
		body := func() string { return strings.ReplaceAll(c.body, "%s", h.approval(t, "A-1").ID) }
		require.NoError(t, d.Handle(msg(t, body(), c.meta...)))
		require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"second"}`)))
		require.NotEqual(t, first, h.approval(t, "A-1").ID)

		queued := d.Handle(msg(t, body(), c.meta...))
		require.NoError(t, queued, "the history has it")
		if c.want == approval.VerdictDecided {
			require.Equal(t, approval.Approved, h.approval(t, "A-1").Status)
			continue
		}
		require.Equal(t, approval.Pending, h.approval(t, "A-1").Status, name)
		var fate handlers.Fate
		m := msg(t, body(), c.meta...)
		m.SetContext(handlers.WithFate(t.Context(), &fate))
		err := d.Handle(m)
		require.Equal(t, c.want, fate.Body.(handlers.Decided).Verdict, name) //nolint:forcetypeassert // it panics
		var refusal *approval.RefusalError
		if c.want == approval.VerdictDuplicate {
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, h.approval(t, "A-1").ID, refusal.Verdict.Candidates[0].ApprovalID)
		} else {
			require.NoError(t, err)
		}
	}
}

func TestDecisionNamesItsExecution(t *testing.T) {
	t.Parallel()
	h := newHouse()
	for _, execution := range []string{"e-1", "e-2"} {
		body := `{"orderId":"A-1","taskToken":"` + execution + `","executionArn":"` + execution + `"}`
		require.NoError(t, h.requests().Handle(msg(t, body)))
	}
	d := h.decisions(approval.ViaAPI)
	err := d.Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`))
	require.ErrorContains(t, err, "ambiguous")
	require.True(t, approval.IsPermanent(err), "a dead letter")
	require.NoError(t, d.Handle(msg(t, `{"orderId":"A-1","decision":"approve","executionArn":"e-2"}`)))
	o, err := h.store.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.Equal(t, approval.Pending, o.Approvals[0].Status)
	require.Equal(t, approval.Approved, o.Approvals[1].Status)
}

// A request that a full order cannot hold stays in its queue.
func TestRequestToAFullOrderIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"0","executionArn":"0"}`)))
	require.NoError(t, h.store.Update(t.Context(), "A-1", func(o *approval.Order) error {
		for i := range approval.MaxApprovals - 1 {
			r := o.Approvals[0].Request
			r.Execution = strconv.Itoa(i + 1)
			r.Token = approval.NewToken(r.Execution)
			if _, _, err := o.AddRequest(r, approval.Environment{Now: h.now}); err != nil {
				return err
			}
		}
		return nil
	}))
	err := h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"more","executionArn":"more"}`))
	require.ErrorContains(t, err, "the order is full")
	require.False(t, approval.IsPermanent(err))
	require.Equal(t, approval.ReasonOrderFull, approval.ReasonCodeOf(err))
}

func TestTheOrderMayBeInThePath(t *testing.T) {
	t.Parallel()
	h := asked(t)
	require.NoError(
		t,
		h.decisions(approval.ViaAPI).Handle(msg(t, `{"decision":"approve","by":"ann","comment":"fine"}`, metadata.OrderID, "A-1")),
	)
	vote := h.approval(t, "A-1").Votes[0]
	require.Equal(t, []any{"ann", "fine", approval.ViaAPI, "erp"}, []any{vote.By, vote.Comment, vote.Via, vote.Source})
	require.Len(t, h.take(approval.ActionCallback), 1)
}

// A sender that waits is told of a refused decision. In a queue it becomes a dead letter, if an operator can mend it.
func TestRefusedDecisions(t *testing.T) {
	t.Parallel()
	approve := `{"orderId":"A-1","decision":"approve","decisionId":"1"}`
	for name, c := range map[string]struct {
		change func(*handlers.Workflow)
		first  string // a decision before
		body   string
		want   approval.VerdictCode
		queue  bool // a dead letter
	}{
		"conflict": {nil, approve, `{"orderId":"A-1","decision":"reject","decisionId":"2"}`, approval.VerdictConflict, false},
		"unknown":  {nil, "", `{"orderId":"A-1","decision":"approve","approvalId":"other"}`, approval.VerdictUnknown, true},
		"no approver": {
			func(w *handlers.Workflow) { w.Approvers = []string{"ann"} },
			"",
			`{"orderId":"A-1","decision":"approve","by":"eve"}`,
			approval.VerdictNotApprover,
			true,
		},
		"source": {func(w *handlers.Workflow) { w.Sources = []string{"crm"} }, "", approve, approval.VerdictSource, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := []func(*handlers.Workflow){}
			if c.change != nil {
				change = append(change, c.change)
			}
			for _, waits := range []bool{false, true} {
				h := asked(t, change...)
				d := h.decisions(approval.ViaSNS)
				if c.first != "" {
					require.NoError(t, d.Handle(msg(t, c.first)))
				}
				m := msg(t, c.body)
				var fate handlers.Fate
				if waits {
					m.SetContext(handlers.WithFate(t.Context(), &fate))
				}
				err := d.Handle(m)
				if !waits && !c.queue {
					require.NoError(t, err)
					continue
				}
				var refusal *approval.RefusalError
				require.ErrorAs(t, err, &refusal)
				require.True(t, approval.IsPermanent(err))
				require.Equal(t, c.want, refusal.Verdict.Code)
				if waits {
					require.Equal(t, c.want, fate.Body.(handlers.Decided).Verdict) //nolint:forcetypeassert // it panics
				}
			}
		})
	}
}

func TestADecisionBeforeItsRequestWaits(t *testing.T) {
	t.Parallel()
	h := newHouse()
	var fate handlers.Fate
	m := msg(t, `{"orderId":"A-1","decision":"approve","by":"ann"}`)
	m.SetContext(handlers.WithFate(t.Context(), &fate))
	require.NoError(t, h.decisions(approval.ViaAPI).Handle(m))
	require.Equal(t, handlers.Decided{OrderID: "A-1", Verdict: approval.VerdictWaiting}, fate.Body)
	require.Empty(t, h.take(approval.ActionCallback))

	require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
	require.Equal(t, approval.Approved, h.approval(t, "A-1").Status)
	require.Len(t, h.take(approval.ActionCallback), 1)
}

// After a failure of the store the message is delivered again.
func TestAFailingStoreIsNotTheMessagesFault(t *testing.T) {
	t.Parallel()
	h := asked(t)
	h.failing = errors.New("disk full")
	for _, err := range []error{
		h.decisions(approval.ViaSNS).Handle(msg(t, `{"orderId":"A-1","decision":"approve"}`)),
		h.requests().Handle(msg(t, `{"orderId":"A-2","taskToken":"x"}`)),
	} {
		require.ErrorIs(t, err, h.failing)
		require.False(t, approval.IsPermanent(err))
	}
	h.failing = nil
	require.Equal(t, approval.Pending, h.approval(t, "A-1").Status)
}

func TestFilter(t *testing.T) {
	t.Parallel()
	wanted := func(in handlers.Input) (bool, bool, error) {
		object, _ := in.Body.(map[string]any)
		switch v := object["event"].(type) {
		case string:
			return v == "decided", true, nil
		case nil:
			return false, false, nil
		}
		return false, false, errOdd
	}
	h := asked(t)
	d := h.decisions(approval.ViaWebhook)
	d.Source.Fields.Filter = handlers.Field[bool]{Find: wanted}
	for _, body := range []string{`{"event":"created"}`, `{"ping":true}`, `{"event":"created","orderId":"A-1","decision":"reject"}`} {
		require.ErrorIs(t, d.Handle(msg(t, body)), handlers.ErrFiltered)
	}
	requireField(t, "filter", d.Handle(msg(t, `{"event":7}`)))
	requireField(t, "body", d.Handle(msg(t, `no JSON`)))
	require.Equal(t, approval.Pending, h.approval(t, "A-1").Status)
	require.NoError(t, d.Handle(msg(t, `{"event":"decided","orderId":"A-1","decision":"approve"}`)))
	require.Equal(t, approval.Approved, h.approval(t, "A-1").Status)
}

// The error of a missing field names the expressions that were tried.
func TestMissingFieldsNameTheirExpressions(t *testing.T) {
	t.Parallel()
	h := asked(t, func(w *handlers.Workflow) { w.Approvers = []string{"ann@example.com"} })
	api := h.decisions(approval.ViaAPI)
	for body, want := range map[string]string{
		`{"decision":"approve"}`: "order: is missing; the message has decision; looked for in orderId",
		`{"orderId":"A-1"}`:      "outcome: is missing; the message has orderId; looked for in decision, choice",
		`{"orderId":"A-1","decision":"approve"}`: "decision refused (not_approver): the sender is not an approver of this approval; " +
			"by: is missing, and this approval names its approvers; looked for in by",
		`{"orderId":"A-1","decision":"approve","by":"eve"}`: "decision refused (not_approver): the sender is not an approver of this approval",
	} {
		err := api.Handle(msg(t, body))
		require.EqualError(t, err, want)
		require.True(t, approval.IsPermanent(err))
	}
	request := h.requests()
	require.ErrorContains(t, request.Handle(msg(t, `{"taskToken":"x"}`)), "order: is missing; the message has taskToken; looked for in ")
	require.ErrorContains(t, request.Handle(msg(t, `{"orderId":"A-1"}`)), "token: is missing, and so is a callback URL; the message has orderId; looked for in ")

	var many []string
	for i := range 20 {
		many = append(many, strings.Repeat("ä", 70)+strconv.Itoa(i))
	}
	api.Source.Fields.Order = handlers.Field[string]{Expressions: many}
	err := api.Handle(msg(t, `{"decision":"approve"}`))
	require.Equal(t, 12, strings.Count(err.Error(), strings.Repeat("ä", 59)+"…"))
	require.True(t, strings.HasSuffix(err.Error(), ", …"))
}

// A text of somebody else in a message of a source is not a decision. The message of an event is one.
func TestTextInAMessageIsNoDecision(t *testing.T) {
	t.Parallel()
	for _, via := range []approval.Via{approval.ViaWebhook, approval.ViaSNS, approval.ViaAPI} {
		h := newHouse()
		d := h.decisions(via)
		d.Source.Fields.InWrappers = true
		const decision = `{"orderId":"A-1","decision":"approve","by":"boss@example.com"}`
		text, err := json.Marshal(decision)
		require.NoError(t, err)
		for _, body := range []string{`{"message":` + string(text) + `}`, `{"body":` + decision + `}`, string(text)} {
			_, _, err := d.Read(msg(t, body))
			require.Error(t, err, body)
		}
		order, _, err := d.Read(msg(t, `{"detail-type":"Decision","source":"erp","detail":`+decision+`}`))
		require.NoError(t, err)
		require.Equal(t, "A-1", order)
	}
}

// What a function was invoked with is not its answer: the function may have refused it, or failed.
func TestInputOfAFunctionIsNoDecision(t *testing.T) {
	t.Parallel()
	const decision = `{"orderId":"A-1","decision":"approve","by":"boss@example.com"}`
	record := func(condition, input, answer string) string {
		return `{"requestContext":{"functionArn":"arn:aws:lambda:x","condition":"` + condition + `"},"requestPayload":` + input +
			`,"responsePayload":` + answer + `}`
	}
	h := newHouse()
	d := h.decisions(approval.ViaWebhook)
	d.Source.Fields.InWrappers = true
	for _, body := range []string{
		record("Success", decision, `{"valid":false}`),
		record("Success", decision, `null`),
		record("RetriesExhausted", decision, `{"errorType":"Forbidden","errorMessage":"not this user"}`),
	} {
		_, _, err := d.Read(msg(t, body))
		require.Error(t, err, body)
	}
	order, _, err := d.Read(msg(t, record("Success", `{"valid":false}`, decision)))
	require.NoError(t, err)
	require.Equal(t, "A-1", order)
}
