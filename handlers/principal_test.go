package handlers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// The person on whose behalf an operator acts, and the operator, are compared with the requester under every name of
// theirs.
func TestOperatorIsComparedByAliases(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token, onBehalfOf string
		want              approval.VerdictCode
	}{
		"the requester's alias is the token's name": {"ann", "", approval.VerdictRequester},
		"on behalf of the requester's alias":        {"ops", "octocat", approval.VerdictRequester},
		"on behalf of their address with a name":    {"ops", "Ann <ANN@example.com>", approval.VerdictRequester},
		"on behalf of somebody else":                {"ops", "bob", approval.VerdictDecided},
		"a token's name that is no person's":        {"team a, b", "", approval.VerdictDecided},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			require.NoError(t, h.Update(t.Context(), "A-1", func(o *approval.Order) error {
				_, _, err := o.AddRequest(approval.Request{
					Token:         approval.NewToken("t"),
					Target:        "sfn",
					Workflow:      "orders",
					Requester:     "ann@example.com",
					Policy:        approval.Policy{Kind: approval.PolicyAny},
					Deadline:      h.Now().Add(time.Hour),
					Retention:     time.Hour,
					CallbackRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
				}, approval.Environment{Now: h.Now()})
				return err
			}))
			people := &handlers.People{Aliases: map[approval.PersonID]string{"ann": "ann@example.com", "octocat": "ann@example.com"}}
			decider := &handlers.Decider{Transitions: h.Transitions, People: func() *handlers.People { return people }}
			actor := approval.OperatorActor(c.token, c.onBehalfOf)
			v, err := decider.Decide(t.Context(), "A-1", approval.Decision{
				ID:        "d",
				Outcome:   approval.Approve,
				By:        actor.By,
				Principal: actor.Principal,
				Claimed:   actor.Claimed,
				Via:       actor.Via,
				Source:    actor.Source,
			})
			require.NoError(t, err)
			require.Equal(t, c.want, v.Code)
		})
	}
}
