package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// tellsRequesters gives the workflow of a request requesters who are told by mail, if they have an address.
func tellsRequesters(r *handlers.Request) {
	r.Workflow.Approvers = []string{"ann@example.com"}
	r.Workflow.People = handlers.People{
		Groups:  map[string][]string{"deputies": {"carl@example.com"}},
		Aliases: map[approval.PersonID]string{"rita-login": "rita@example.com"},
	}
	r.Workflow.Requester = handlers.RequesterSettings{
		Channels:  []string{"mail"},
		Withdraws: true,
		Answers:   true,
		PassOn:    []string{"group:deputies"},
		Unreachable: func(_, person string) string {
			if strings.Contains(person, "@") {
				return ""
			}
			return "the approver's ID is not an e-mail address"
		},
	}
}

func TestRequesterOfARequest(t *testing.T) {
	t.Parallel()
	for requester, isTold := range map[string]bool{
		"rita@example.com": true, "rita-login": true, "arn:aws:iam::123456789012:role/deploy": false, "somebody": false,
	} {
		h := newHouse()
		r := h.requests()
		tellsRequesters(r)
		body := `{"orderId":"A-1","taskToken":"` + token + `","requester":"` + requester + `"}`
		require.NoError(t, r.Handle(msg(t, body)))
		a := h.approval(t, "A-1")
		require.Equal(t, []string{"carl@example.com"}, a.PassOnTo)
		require.Equal(t, isTold, len(a.RequesterChannels) > 0, requester)
		require.Equal(t, isTold, a.RequesterNonce != "" && a.RequesterWithdraws && a.RequesterAnswers)
		o, err := h.Get(t.Context(), "A-1")
		require.NoError(t, err)
		var notes []string
		for _, e := range o.History {
			notes = append(notes, e.Note)
		}
		const notTold = "the requester is not told: no channel of requester.notify reaches that person"
		require.Equal(t, !isTold, strings.Contains(strings.Join(notes, "\n"), notTold))
	}
}

// A person is refused as an approver if they are the requester under any name that the configuration knows.
func TestRequesterByAliasIsNoApprover(t *testing.T) {
	t.Parallel()
	h := newHouse()
	r := h.requests()
	tellsRequesters(r)
	people := r.Workflow.People
	r.Workflow.People = handlers.People{Groups: people.Groups} // the alias comes later
	require.NoError(t, r.Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`","requester":"rita-login"}`)))
	d := &handlers.Decider{
		Transitions: r.Transitions,
		People:      func() *handlers.People { return &people },
		Workflow:    func(string) (handlers.Workflow, bool) { return handlers.Workflow{Margin: time.Hour}, true },
	}
	act := approval.Act{ID: "1", Actor: approval.OperatorActor("ops", ""), Reason: "because"}
	var fault *approval.FieldError
	for _, name := range []string{"rita@example.com", "rita-login", "Rita <RITA@example.com>"} {
		_, err := d.AddApprovers(t.Context(), "A-1", act, []string{name})
		require.ErrorAs(t, err, &fault, name)
		_, err = d.ReplaceApprover(t.Context(), "A-1", act, "ann@example.com", name)
		require.ErrorAs(t, err, &fault, name)
		_, err = d.PassOn(t.Context(), "A-1", approval.Act{
			ID: "2", Reason: "because", Actor: approval.Actor{By: "ann@example.com", Via: approval.ViaLink},
		}, name)
		require.ErrorAs(t, err, &fault, name)
	}
	for _, name := range []string{"", "group:deputies", "a@example.com, b@example.com"} {
		_, err := d.ReplaceApprover(t.Context(), "A-1", act, "ann@example.com", name)
		require.ErrorAs(t, err, &fault, name)
	}
	_, err := d.AddApprovers(t.Context(), "A-1", act, []string{"group:unknown"})
	require.ErrorAs(t, err, &fault)

	before, err := h.Get(t.Context(), "A-1")
	require.NoError(t, err)
	act.DryRun = true
	result, err := d.AddApprovers(t.Context(), "A-1", act, []string{"group:deputies"})
	require.NoError(t, err)
	require.Equal(t, []string{"carl@example.com"}, result.Asked)
	require.Equal(t, approval.VerdictRecorded, result.Verdict.Code)
	after, err := h.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.Equal(t, before, after, "a dry run stores nothing")
	act.DryRun = false
	result, err = d.AddApprovers(t.Context(), "A-1", act, []string{"group:deputies"})
	require.NoError(t, err)
	require.Equal(t, []string{"carl@example.com"}, result.Asked)
}
