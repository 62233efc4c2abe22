package callback_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// The last vote agrees with a request that others have edited. However long the answer is, it has the edits: with "changes": []
// the workflow would go on with the request as it was asked.
func TestFitKeepsTheChanges(t *testing.T) {
	t.Parallel()
	var votes []approval.Vote
	from := json.RawMessage("6000")
	for n, to := range []string{"5000", "4000", "3000"} {
		v := voteFor(n, approval.Approve, "approve", `{"note":"`+strings.Repeat("x", 2000)+`"}`)
		v.Void = true
		v.Changes = []approval.Change{{Path: "/total", From: from, To: json.RawMessage(to), By: v.By}}
		from = v.Changes[0].To
		votes = append(votes, v)
	}
	votes = append(votes, voteFor(9, approval.Approve, "approve", ""))
	for _, limit := range []int{3000, 1000} {
		got, err := callback.FitAnswer(chosen(approval.Approved, votes...), "", limit, true)
		if err != nil {
			t.Fatal(err)
		}
		var fields struct {
			Truncated bool
			Changes   []struct {
				Path, By string
				From, To json.RawMessage
			}
		}
		if err := json.Unmarshal(got, &fields); err != nil {
			t.Fatal(err)
		}
		last := fields.Changes[len(fields.Changes)-1]
		if first := fields.Changes[0]; !fields.Truncated || string(first.From) != "6000" || string(last.To) != "3000" || last.By != "p2@example.com" {
			t.Errorf("%d: %s", limit, got)
		}
	}
	rejected := chosen(approval.Rejected, append(votes[:3:3], voteFor(9, approval.Reject, "reject", ""))...)
	rejected.Votes[0].Changes[0].To = json.RawMessage(fmt.Sprintf("%q", strings.Repeat("x", 3000)))
	rejected.Votes[2].Changes[0].To = rejected.Votes[0].Changes[0].To
	if got, err := callback.FitAnswer(rejected, "ApprovalDenied", 1000, true); err != nil || !strings.Contains(string(got), `"changes":[]`) {
		t.Errorf("a rejection is always answered: %s %v", got, err)
	}
}
