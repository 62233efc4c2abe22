package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// The bodies of states of Step Functions, as in the well-known tutorials.
func TestShapesOfRequests(t *testing.T) {
	t.Parallel()
	entered := began.Add(-2 * time.Second).Format(time.RFC3339Nano)
	for name, c := range map[string]struct {
		body string
		want func(*testing.T, *approval.Approval)
	}{
		"nested, the entered time as deadline": {
			`{"taskToken":"` + token + `","approvalRequest":{"orderId":"A-1","total":7},"approvalDeadline":"` + entered + `"}`,
			func(t *testing.T, a *approval.Approval) {
				t.Helper()
				require.Equal(t, began.Add(24*time.Hour-2*time.Second), a.Deadline.UTC(), "counted from when the state was entered")
				require.Contains(t, a.Details, approval.Field{Name: "total", Value: "7", Path: "/approvalRequest/total", IsPath: true})
			},
		},
		"flat, with a manager": {
			`{"orderId":"A-1","orderTotal":1250.5,"managerEmail":"boss@example.com","taskToken":"` + token +
				`","taskTokenExpiration":"` + entered + `"}`,
			func(t *testing.T, a *approval.Approval) {
				t.Helper()
				require.Len(t, a.Approvers, 1)
				require.Equal(t, "boss@example.com", a.Approvers[0].ID)
				require.Len(t, a.Approvers[0].Nonce, 16, "96 random bits")
				require.Contains(t, a.Details, approval.Field{Name: "orderTotal", Value: "1250.5", Path: "/orderTotal", IsPath: true})
			},
		},
		"TaskToken and a timeout": {
			`{"TaskToken":"` + token + `","order":{"id":"A-1"},"timeoutSeconds":3600,"executionArn":"arn:aws:states:x"}`,
			func(t *testing.T, a *approval.Approval) {
				t.Helper()
				require.Equal(t, began.Add(time.Hour), a.TaskExpires.UTC())
				require.Equal(t, began.Add(time.Hour-30*time.Second), a.Deadline.UTC(), "by its margin before the task's end")
				require.Equal(t, "arn:aws:states:x", a.Execution)
			},
		},
		"MyTaskToken": {`{"MyTaskToken":"` + token + `","order":{"id":"A-1"},"timeoutSeconds":"60"}`, func(*testing.T, *approval.Approval) {}},
		"task_token":  {`{"task_token":"` + token + `","order":{"id":"A-1"}}`, func(*testing.T, *approval.Approval) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			var fate handlers.Fate
			m := msg(t, c.body)
			m.SetContext(handlers.WithFate(t.Context(), &fate))
			require.NoError(t, h.requests().Handle(m))
			a := h.approval(t, "A-1")
			require.Equal(t, approval.Pending, a.Status)
			require.Equal(t, token, a.Token.Reveal())
			require.Equal(t, "sfn", a.Target)
			require.Equal(t, handlers.Accepted{OrderID: "A-1", ApprovalID: a.ID, Status: approval.Pending}, fate.Body)
			for _, d := range a.Details {
				require.NotEqual(t, "A-1", d.Value, "the order ID is shown anyhow")
				require.NotContains(t, d.Value, token)
			}
			c.want(t, a)

			require.NoError(t, h.requests().Handle(msg(t, c.body)), "delivered again")
			o, err := h.Get(t.Context(), "A-1")
			require.NoError(t, err)
			require.Len(t, o.Approvals, 1)
		})
	}
}

func TestACallbackURLInsteadOfAToken(t *testing.T) {
	t.Parallel()
	h := newHouse()
	web := func(w *handlers.Workflow) { w.URLTarget = "web" }
	require.NoError(t, h.requests(web).Handle(msg(t, `{"orderId":"A-1","callbackUrl":"https://erp.example/done"}`)))
	a := h.approval(t, "A-1")
	require.Equal(t, "web", a.Target)
	require.Equal(t, "https://erp.example/done", a.Token.Reveal())

	require.NoError(t, h.requests(web).Handle(msg(t, `{"orderId":"A-2","taskToken":"`+token+`","callbackUrl":"https://erp.example/done"}`)))
	require.Equal(t, "sfn", h.approval(t, "A-2").Target, "a token is the surer of the two")

	requireField(t, "callback", h.requests(web).Handle(msg(t, `{"orderId":"A-3","callbackUrl":"http://10.0.0.1/"}`)))
	requireField(t, "callback", h.requests().Handle(msg(t, `{"orderId":"A-3","callbackUrl":"https://erp.example/done"}`)))
}

// The error of a request names the field, and nothing is stored.
func TestRequestsThatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	good := func(rest string) string { return `{"orderId":"A-1","taskToken":"` + token + `"` + rest + `}` }
	set := func(f func(*handlers.RequestFields)) []func(*handlers.Workflow) {
		return []func(*handlers.Workflow){func(w *handlers.Workflow) { f(&w.Fields) }}
	}
	for name, c := range map[string]struct {
		body   string
		meta   []string
		change []func(*handlers.Workflow)
		field  string
	}{
		"no JSON":            {body: `order A-1, please`, field: "body"},
		"no UTF-8":           {body: "{\"orderId\":\"\xff\"}", field: "body"},
		"what SNS could not": {body: good(""), meta: []string{metadata.Fault, "SNS envelope: of another topic"}, field: "message"},
		"no order":           {body: `{"taskToken":"x"}`, field: "order"},
		"an order too long":  {body: `{"orderId":"` + strings.Repeat("A", 257) + `","taskToken":"x"}`, field: "order"},
		"no token":           {body: `{"orderId":"A-1"}`, field: "token"},
		"a token too long":   {body: `{"orderId":"A-1","taskToken":"` + strings.Repeat("A", 2049) + `"}`, field: "token"},
		"an order of two":    {body: `{"orderId":["A","B"],"taskToken":"x"}`, field: "order"},
		"negative timeout":   {body: good(`,"timeoutSeconds":-1`), field: "timeout"},
		"no time":            {body: good(`,"approvalDeadline":"next week"`), field: "deadline"},
		"empty approver":     {body: good(`,"approvers":["ann",""]`), field: "approvers"},
		"only the requester": {body: good(`,"approvers":["ann"],"requester":"Ann"`), field: "approvers"},
		"an odd title":       {body: good(""), change: set(func(f *handlers.RequestFields) { f.Title = broken[string]() }), field: "title"},
		"odd approvers": {
			body:   good(""),
			change: set(func(f *handlers.RequestFields) { f.Approvers = broken[[]string]() }),
			field:  "approvers",
		},
		"an odd start": {
			body:   good(""),
			change: set(func(f *handlers.RequestFields) { f.Started = broken[time.Time]() }),
			field:  "started",
		},
		"an odd output": {body: good(""), change: set(func(f *handlers.RequestFields) {
			f.Output = map[string]handlers.Field[any]{"region": broken[any]()}
		}), field: "output.region"},
		"an output too large": {body: good(`,"big":"` + strings.Repeat("x", 65<<10) + `"`), change: set(func(f *handlers.RequestFields) {
			f.Output = map[string]handlers.Field[any]{"big": as(func(v any) (any, error) { return v, nil }, "big")}
		}), field: "output"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			err := h.requests(c.change...).Handle(msg(t, c.body, c.meta...))
			requireField(t, c.field, err)
			require.NotContains(t, err.Error(), token)
			_, err = h.Get(t.Context(), "A-1")
			require.ErrorIs(t, err, approval.ErrNotFound)
		})
	}
}

func TestReminders(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) {
		w.Deadline = 4 * time.Hour
		w.Reminders = []handlers.RelativeTime{
			{After: time.Hour},
			{After: 3 * time.Hour},
			{After: 4 * time.Hour},
			{After: 9 * time.Hour},
			{Before: 30 * time.Minute},
			{Before: 5 * time.Hour},
		}
	}).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	var got []time.Duration
	for _, at := range h.approval(t, "A-1").Reminders {
		got = append(got, at.Sub(began))
	}
	require.Equal(
		t,
		[]time.Duration{time.Hour, 3 * time.Hour, 210 * time.Minute},
		got,
		"none at the deadline or after it, none in the past",
	)
}

func TestOutput(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) {
		w.Output = map[string]any{"region": "eu", "total": 0}
		w.Fields.Output = map[string]handlers.Field[any]{
			"total":   as(func(v any) (any, error) { return v, nil }, "order.total"),
			"missing": as(func(v any) (any, error) { return v, nil }, "nowhere"),
		}
	}).Handle(msg(t, `{"order":{"id":"A-1","total":7},"taskToken":"x"}`)))
	output, err := json.Marshal(h.approval(t, "A-1").Output)
	require.NoError(t, err)
	require.JSONEq(t, `{"region":"eu","total":7}`, string(output))

	h = newHouse()
	require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	require.Nil(t, h.approval(t, "A-1").Output)
}

func TestARequestCarriesItsConfiguration(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) {
		w.Policy, w.Approvers = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}, []string{"a", "b", "c"}
		w.Sources, w.Channels, w.RejectAsSuccess, w.MinAssurance = []string{"erp"}, []string{"mail"}, true, approval.AssuranceSSO
		w.HeartbeatInterval = time.Minute
		w.HeartbeatTargets = []string{"sfn"}
	}).Handle(msg(t, `{"orderId":"A-1","taskToken":"x","step":"budget","title":"New desks","requester":"dan"}`)))
	a := h.approval(t, "A-1")
	require.Equal(t, approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}, a.Policy)
	require.Equal(t, []string{"erp"}, a.Sources)
	require.Equal(t, approval.AssuranceSSO, a.MinAssurance)
	require.True(t, a.RejectAsSuccess)
	require.Equal(t, "orders/budget/New desks/dan", strings.Join([]string{a.Workflow, a.Step, a.Title, a.Requester}, "/"))
	require.Equal(t, began.Add(time.Minute), a.HeartbeatDue.UTC())
	require.Len(t, h.take(approval.ActionNotify), 3, "one for each approver")
	require.Equal(t, time.Hour, a.Retention)
	require.Equal(t, time.Second, a.CallbackRetry.Base)
	require.Equal(t, time.Hour, a.NotificationRetry.MaxAge)
}
