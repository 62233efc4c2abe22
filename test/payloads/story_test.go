package payloads

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

// requestedAt is when the approval of the page is requested.
var requestedAt = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// link is a link in the form of package link. Its signature is not valid.
const link = "https://approve.example.com/a/1.eyJvIjoiQS0xMDAxIn0.azE.c2lnbmF0dXJl"

// story is an order whose approval runs through the domain.
type story struct {
	t     *testing.T
	order *approval.Order
	now   time.Time
}

// newStory requests an approval. The change adapts the request.
func newStory(t *testing.T, change ...func(*approval.Request)) *story {
	t.Helper()
	s := &story{t: t, order: &approval.Order{ID: "A-1001"}, now: requestedAt}
	request := approval.Request{
		Token:           approval.NewToken("AQCEAAAAKgAAAAMAAAAA"),
		Target:          "stepfunctions",
		Workflow:        "refunds",
		Step:            "finance",
		Execution:       "arn:aws:states:eu-west-1:111122223333:execution:refunds:7f2c",
		Title:           "Refund of 480 EUR to Ada Lovelace",
		Details:         []approval.Field{{Name: "Amount", Value: "480.00 EUR"}, {Name: "Reason", Value: "Damaged in transit"}},
		Requester:       "grace@example.com",
		Approvers:       []approval.Approver{{ID: "ann@example.com", Nonce: "n1"}, {ID: "bob@example.com", Nonce: "n2"}},
		Policy:          approval.Policy{Kind: approval.PolicyAny},
		Channels:        []string{"approvers"},
		ProgramChannels: []string{"programs"},
		Deadline:        requestedAt.Add(24 * time.Hour),
		CallbackRetry:   approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
	}
	for _, f := range change {
		f(&request)
	}
	_, _, err := s.order.AddRequest(request, s.environment())
	require.NoError(t, err)
	return s
}

func (s *story) environment() approval.Environment {
	return approval.Environment{Now: s.now, Lease: time.Minute}
}

func (s *story) approval() *approval.Approval { return s.order.Approvals[0] }

// decide records a decision some time after the last event: of Ann by her link, of others by a program.
func (s *story) decide(after time.Duration, id, by string, outcome approval.Outcome, comment string) *story {
	s.t.Helper()
	s.now = s.now.Add(after)
	d := approval.Decision{
		ID:         id,
		Outcome:    outcome,
		By:         by,
		Comment:    comment,
		Via:        approval.ViaAPI,
		Principal:  approval.APIPrincipal("portal"),
		Source:     approval.APIPrincipal("portal"),
		ReceivedAt: s.now,
	}
	if by == "ann@example.com" {
		d.Via, d.Principal, d.Source, d.ShownDigest = approval.ViaLink, "", "link", s.order.ContentDigest(s.approval())
	}
	v, _, err := s.order.Decide(d, approval.UnmatchedRetention{WaitFor: time.Hour}, s.environment())
	require.NoError(s.t, err)
	require.NoError(s.t, v.Err())
	return s
}

// withChoices gives the request choices, a form and an edit, and asks two approvers.
func withChoices(r *approval.Request) {
	r.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}
	r.Details[0].Path = "/refund/amount"
	r.DecisionRules = approval.DecisionRules{
		Choices: []approval.Choice{
			{ID: "approve", Means: approval.Approve},
			{ID: "approve_part", Means: approval.Approve, Fields: []string{"amount"}},
			{ID: "reject", Means: approval.Reject},
		},
		Form:    form.Form{Fields: []form.Field{{Name: "amount", Kind: form.Number, Required: true}}},
		Edits:   map[string]string{"amount": "/refund/amount"},
		Content: json.RawMessage(`{"refund":{"amount":480}}`),
	}
}

// byAgent makes the request one of LangChain's middleware about a tool call.
func byAgent(r *approval.Request) {
	r.DecisionRules = approval.DecisionRules{
		Choices: []approval.Choice{
			{ID: "approve", Means: approval.Approve},
			{ID: approval.ChoiceEdit, Means: approval.Approve, Fields: []string{"amount"}},
		},
		Form: form.Form{Fields: []form.Field{{Name: "amount", Kind: form.Number, Required: true}}},
		Agent: &approval.AgentRequest{
			Shape:   "langchain",
			Actions: []json.RawMessage{json.RawMessage(`{"name":"refund","args":{"amount":480,"currency":"EUR"}}`)},
		},
	}
}

// choose records a decision of a program with a choice and its values.
func (s *story) choose(after time.Duration, id, by, choice, values string) *story {
	s.t.Helper()
	s.now = s.now.Add(after)
	v, _, err := s.order.Decide(approval.Decision{
		ID:         id,
		Choice:     choice,
		Values:     json.RawMessage(values),
		By:         by,
		Via:        approval.ViaAPI,
		Principal:  approval.APIPrincipal("portal"),
		Source:     approval.APIPrincipal("portal"),
		ReceivedAt: s.now,
	}, approval.UnmatchedRetention{WaitFor: time.Hour}, s.environment())
	require.NoError(s.t, err)
	require.NoError(s.t, v.Err())
	return s
}

// expire lets the deadline pass.
func (s *story) expire() *story {
	s.now = s.approval().Deadline.Add(time.Second)
	s.order.Advance(s.environment())
	return s
}

// message returns the message of a notification, as the program composes it.
func (s *story) message(kind approval.NotificationKind, event string) approval.Message {
	s.t.Helper()
	for _, n := range s.approval().Notifications {
		if n.Kind != kind || n.Event != event {
			continue
		}
		m := s.order.ComposeMessage(s.approval(), n)
		if kind != approval.NotifyEvent {
			m.Link = approval.NewToken(link)
		}
		return m
	}
	require.FailNow(s.t, "no such notification", "%s %s", kind, event)
	return approval.Message{}
}

// answer returns the answer to the workflow.
func (s *story) answer() approval.Answer {
	s.t.Helper()
	answer, current := s.order.CurrentAnswer(approval.Action{
		Kind:         approval.ActionCallback,
		OrderID:      s.order.ID,
		ApprovalID:   s.approval().ID,
		Attempt:      1,
		LeaseExpires: s.approval().Callback.Due,
	}, s.now)
	require.True(s.t, current)
	return answer
}
