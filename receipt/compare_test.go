package receipt_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/receipt"
)

// answerOf returns the answer of an approval with its receipt, of at most limit bytes.
func answerOf(t *testing.T, ring *keys.Ring, a *approval.Approval, limit int) []byte {
	t.Helper()
	text, err := receipt.Make(ring, "", "A-1001", a)
	require.NoError(t, err)
	answer, err := callback.FitAnswer(approval.Answer{
		OrderID:     "A-1001",
		ApprovalID:  a.ID,
		Workflow:    a.Workflow,
		Step:        a.Step,
		Status:      a.Status,
		Reason:      a.Reason,
		Votes:       a.Votes,
		HasOwnRules: a.HasOwnRules(),
		ClosedAt:    a.ClosedAt,
		Receipt:     text,
	}, "", limit, false)
	require.NoError(t, err)
	return answer
}

// Every answer that this program sends agrees with its receipt.
func TestAnswersAgreeWithTheirReceipts(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	for name, change := range map[string]func(*approval.Approval){
		"as it is": func(*approval.Approval) {},
		"without choices": func(a *approval.Approval) {
			a.Choices = nil
			for i := range a.Votes {
				a.Votes[i].Choice, a.Votes[i].Values, a.Votes[i].Changes, a.Votes[i].Void = "", nil, nil, false
			}
		},
		"a single vote":         func(a *approval.Approval) { a.Votes = a.Votes[1:] },
		"with a comment":        func(a *approval.Approval) { a.Votes[1].Comment = "naïve … \u2028 & <b>" },
		"confirmed by a second": func(a *approval.Approval) { a.Votes[1].ConfirmedBy = "operator:bob" },
		"timed out, one vote":   func(a *approval.Approval) { a.Status, a.Votes = approval.TimedOut, a.Votes[:1] },
		"cancelled, no vote":    func(a *approval.Approval) { a.Status, a.Votes = approval.Cancelled, nil },
		"values replaced": func(a *approval.Approval) {
			a.Votes = append(manyVotes(a, 150, "", `{"limit":1,"note":"`+strings.Repeat("x", 400)+`"}`), a.Votes[1])
		},
		"all votes replaced": func(a *approval.Approval) { a.Votes = append(manyVotes(a, 400, "as discussed", `{}`), a.Votes[1]) },
		"comments of many votes": func(a *approval.Approval) {
			a.Votes = append(manyVotes(a, 20, strings.Repeat("y", 2000), ""), a.Votes[1])
		},
	} {
		a := closed(t)
		change(a)
		for _, limit := range []int{1 << 20, 1 << 17, 30_000} {
			if answer := answerOf(t, ring, a, limit); strings.Contains(string(answer), `"receipt"`) {
				_, err := receipt.Verify(answer, ring.PublicKeys(receipt.Purpose))
				require.NoError(t, err, "%s, %d", name, limit)
			}
		}
	}
}

// manyVotes returns votes of different people.
func manyVotes(a *approval.Approval, n int, comment, values string) []approval.Vote {
	var votes []approval.Vote
	for i := range n {
		v := a.Votes[0]
		v.By = fmt.Sprintf("voter%d@example.com", i)
		v.Void = false
		v.Comment = comment
		v.Values = json.RawMessage(values)
		votes = append(votes, v)
	}
	return votes
}

// Everything that a receipt states is compared, also in the votes. A name in another case does not hide a value.
func TestChangedAnswersAreRefused(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	short := closed(t)
	short.Votes[1].Comment = "for the last time"
	short.Votes[1].ConfirmedBy = "operator:bob"
	long := closed(t)
	long.Votes = append(manyVotes(long, 400, "as discussed", `{}`), long.Votes[1])
	for name, c := range map[string]struct {
		of       *approval.Approval
		old, new string
	}{
		"comment":                   {short, `for the last time`, `for ever`},
		"comment removed":           {short, `"for the last time"`, `""`},
		"comment of another vote":   {short, `"comment":"fine"`, `"comment":"bad"`},
		"confirmed by":              {short, `"confirmedBy":"operator:bob"`, `"confirmedBy":"operator:eve"`},
		"voter":                     {short, `"decidedBy":"ann@example.com"`, `"decidedBy":"eve@example.com"`},
		"voter, in another case":    {short, `"decidedBy":"ann@example.com"`, `"DecidedBy":"ann@example.com","decidedBy":"eve@example.com"`},
		"voter, twice":              {short, `"decidedBy":"ann@example.com"`, `"decidedBy":"eve@example.com","decidedBy":"ann@example.com"`},
		"principal":                 {short, `"principal":"ann@example.com"`, `"principal":"x"`},
		"way in":                    {short, `"via":"link"`, `"via":"sso"`},
		"void":                      {short, `"void":true`, `"void":false`},
		"time":                      {short, `"at":"2026-07-02T10:16`, `"at":"2026-07-02T10:17`},
		"shown":                     {short, `"shownDigest":"s1"`, `"shownDigest":"s2"`},
		"values":                    {short, `"values":{}`, `"values":{"limit":1}`},
		"fewer votes":               {short, `"votes":[`, `"votes":[],"more":[`},
		"more votes":                {short, `"votes":[`, `"votes":[{},`},
		"votes of another type":     {short, `"votes":[`, `"votes":"x","more":[`},
		"truncated, and changed":    {short, `"votes":[{`, `"truncated":true,"votes":[{"by":1,"decidedBy":"eve@example.com"},{`},
		"truncated, a new comment":  {short, `"comment":"for the last time"`, `"truncated":true,"comment":"for ever"`},
		"a voter of many":           {long, `voter7@`, `voter8@`},
		"a comment of many":         {long, `"comment":"as discussed"`, `"comment":"never discussed"`},
		"the comment of many votes": {long, `"comment":""`, `"comment":"for ever"`},
		"a decision of many":        {long, `"decision":"approve"`, `"decision":"reject"`},
		"one of many votes removed": {long, `"votes":[`, `"votes":[],"more":[`},
	} {
		answer := string(answerOf(t, ring, c.of, 1<<20))
		require.Contains(t, answer, c.old, name)
		_, err := receipt.Verify([]byte(answer), ring.PublicKeys(receipt.Purpose))
		require.NoError(t, err, name)
		_, err = receipt.Verify([]byte(strings.Replace(answer, c.old, c.new, 1)), ring.PublicKeys(receipt.Purpose))
		require.ErrorContains(t, err, "changed", name)
	}
}
