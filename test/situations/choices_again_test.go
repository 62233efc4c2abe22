package situations

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// verdicts returns the verdicts of the decisions about an order, oldest first. Repetitions are not in the history.
func (r *relay) verdicts(order string) (codes []string, status string) {
	r.Helper()
	o := r.order(order)
	require.NotNil(r, o)
	for _, e := range o.History {
		if e.Kind == approval.EventDecisionReceived {
			codes = append(codes, e.Code)
		}
	}
	if len(o.Approvals) > 0 {
		status = string(o.Approvals[0].Status)
	}
	return codes, status
}

// TestChoicesAgain holds that the choice and the values are the identity of a decision, by every way in that names its
// decisions: the same again is a repetition, other values are a conflict, and a refused decision can be corrected.
func TestChoicesAgain(t *testing.T) {
	t.Parallel()
	first := sent{choice: "approve_up_to", values: `{"limit":3000,"note":"a"}`, id: "d-1"}
	for name, c := range map[string]struct {
		first, then sent
		want        string // verdicts and status
		count       int    // of verdicts in the history
	}{
		"the same again":            {first, first, "decided approved", 1},
		"the same in another form":  {first, sent{choice: "approve_up_to", values: `{ "note":"a", "limit":3e3 }`, id: "d-1"}, "decided approved", 1},
		"other values":              {first, sent{choice: "approve_up_to", values: `{"limit":3001,"note":"a"}`, id: "d-1"}, "decided conflict approved", 2},
		"a value less":              {first, sent{choice: "approve_up_to", values: `{"limit":3000}`, id: "d-1"}, "decided conflict approved", 2},
		"another choice":            {first, sent{choice: "approve", id: "d-1"}, "decided conflict approved", 2},
		"after the end":             {first, sent{choice: "approve_up_to", values: `{"limit":1}`, id: "d-2"}, "decided conflict approved", 2},
		"corrected, with the ID":    {sent{choice: "approve_up_to", values: `{"limit":0}`, id: "d-1"}, first, "invalid decided approved", 2},
		"corrected, with a comment": {sent{choice: "return", id: "d-1"}, sent{choice: "return", comment: "why", id: "d-1"}, "invalid decided returned", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startChoices(t)
			for i, way := range choiceWays()[:3] {
				order := fmt.Sprintf("A-%d", i)
				r.askChoice(order)
				way.send(r, order, c.first)
				r.resultOf(order)
				way.send(r, order, c.then)
				want := c.want
				if way.name == "SNS" && c.then.id == "d-2" { // a topic tells when it was sent: it is about the next request
					want = "decided waiting approved"
				}
				r.eventually(way.name+": both are recorded", func() bool {
					codes, status := r.verdicts(order)
					return len(codes) >= c.count && strings.Join(append(codes, status), " ") == want
				})
			}
		})
	}
}

// startChoices starts the program with the topic of the situation.
func startChoices(t *testing.T) *relay {
	t.Helper()
	chat := slacktest.StartServer(slackAnn())
	t.Cleanup(chat.Close)
	r := prepare(t, "choices-by-every-way", "@TOPIC@", "arn:aws:sns:us-east-1:000000000000:results",
		"@SLACK@", chat.APIURL(), "@BOT@", slacktest.Token, "@SIGNING@", slackSecret)
	r.slack = chat
	r.aws.SNS.CreateTopic("results")
	r.aws.SQS.CreateQueue("results")
	r.run()
	return r
}

// TestChoicesBeforeTheirRequest holds that a decision that comes before its request keeps its choice and values, and is
// judged when the request comes.
func TestChoicesBeforeTheirRequest(t *testing.T) {
	t.Parallel()
	r := startChoices(t)
	for i, way := range choiceWays()[:3] {
		good, bad := fmt.Sprintf("W-%d-good", i), fmt.Sprintf("W-%d-bad", i)
		way.send(r, good, sent{choice: "approve_up_to", values: `{"limit":250}`})
		way.send(r, bad, sent{choice: "approve_up_to", values: `{"limit":"s3cr3t"}`})
		for _, order := range []string{good, bad} {
			r.eventually(way.name+": it waits", func() bool {
				o := r.order(order)
				return o != nil && len(o.UnmatchedDecisions) == 1
			})
			got := r.ask("purchases", fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"purchase":{"total":480}}`, order, r.token()))
			require.Equal(t, http.StatusAccepted, got.status, got.text)
		}
		r.eventually(way.name+": it is judged", func() bool { return r.order(good).Approvals[0].Status == approval.Approved })
		require.JSONEq(t, `{"limit":250}`, string(r.order(good).Approvals[0].Votes[0].Values))
		r.eventually(way.name+": the other is refused", func() bool { return len(r.order(bad).UnmatchedDecisions) == 0 })
		codes, status := r.verdicts(bad)
		require.Equal(t, "waiting invalid pending", strings.Join(append(codes, status), " "), way.name)
	}
	require.NotContains(t, r.out.String(), "s3cr3t")
}

// TestAnEditIsInTheAnswer holds that a changed value is part of the record: what was there, what is there, and by whom.
func TestAnEditIsInTheAnswer(t *testing.T) {
	t.Parallel()
	r := startChoices(t)
	ways := choiceWays()
	for i, way := range ways {
		order := fmt.Sprintf("E-%d", i)
		before := r.askChoice(order)
		way.send(r, order, sent{choice: "approve_up_to", values: `{"limit":250}`})
		r.resultOf(order)
		var change api.Change
		a := r.order(order).Approvals[0]
		require.Len(t, a.Votes[0].Changes, 1, way.name)
		change = a.Votes[0].Changes[0]
		require.Equal(t, "/purchase/total 480 250", fmt.Sprintf("%s %s %s", change.Path, change.From, change.To), way.name)
		require.NotEqual(t, before.RequestDigest, a.RequestDigest, way.name)
	}
}
