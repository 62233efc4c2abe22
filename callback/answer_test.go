package callback_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

var at = time.Date(2026, 7, 1, 14, 0, 0, 123456789, time.FixedZone("CEST", 7200))

func vote(n int, o approval.Outcome, comment string) approval.Vote {
	return approval.Vote{
		DecisionID:  fmt.Sprintf("d-%d", n),
		Outcome:     o,
		By:          fmt.Sprintf("p%d@example.com", n),
		Comment:     comment,
		Via:         approval.ViaLink,
		ShownDigest: "shown",

		At: at.Add(time.Duration(n-3) * time.Minute),
	}
}

func answer(s approval.Status, votes ...approval.Vote) approval.Answer {
	return approval.Answer{
		OrderID:    "order-4711",
		ApprovalID: "0123456789abcdef0123456789abcdef",
		Workflow:   "orders",
		Token:      approval.NewToken("secret"),
		Status:     s,
		Votes:      votes,
		ClosedAt:   at,
	}
}

func voteFor(n int, o approval.Outcome, choice, values string) approval.Vote {
	v := vote(n, o, "because")
	v.Choice = choice
	v.Values = json.RawMessage(values)
	return v
}

// chosen returns the answer of an approval with choices of its own.
func chosen(s approval.Status, votes ...approval.Vote) approval.Answer {
	a := answer(s, votes...)
	a.HasOwnRules = true
	return a
}

// edited returns an answer in which the second vote edited the request, so that the first is void.
func edited() approval.Answer {
	first := voteFor(1, approval.Approve, "approve", "")
	first.Void = true
	second := voteFor(2, approval.Approve, "approve_up_to", `{"limit":5000,"note":"\u003cold\u003e"}`)
	second.Changes = []approval.Change{{
		Field: "limit",
		Path:  "/purchase/total",
		From:  json.RawMessage("6000"),
		To:    json.RawMessage("5000"),
		By:    "p2@example.com",
	}}
	return chosen(approval.Approved, first, second, voteFor(3, approval.Approve, "approve", ""),
		voteFor(4, approval.Abstain, "abstain", ""))
}

func abstained() approval.Answer {
	a := chosen(approval.Rejected, voteFor(1, approval.Abstain, "abstain", ""), voteFor(2, approval.Abstain, "abstain", ""))
	a.Reason = "every approver has abstained"
	return a
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}

func TestFitWritesAnswers(t *testing.T) {
	t.Parallel()
	added := answer(approval.Approved, vote(1, approval.Approve, ""))
	added.Step = "legal"
	added.Output = map[string]any{
		"z":        []int{1},
		"a":        map[string]any{"y": 1, "x": "<&>"},
		"approved": false,
		"OrderID":  "forged",
		"Votes":    1,
	}
	timedOut := answer(approval.TimedOut, vote(1, approval.Approve, "fine by me"))
	timedOut.Reason = "nobody decided before the deadline"
	cancelled := answer(approval.Cancelled)
	cancelled.Reason = "withdrawn"
	for name, c := range map[string]struct {
		a         approval.Answer
		errorName string
	}{
		"good_approved.json": {answer(approval.Approved, vote(1, approval.Approve, "<ok> & \"so\"\u2028 \xff")), ""},
		"good_rejected.json": {answer(approval.Rejected, vote(1, approval.Reject, "no")), "ApprovalDenied"},
		"good_quorum.json": {answer(approval.Approved, vote(1, approval.Reject, "no"),
			vote(2, approval.Approve, "yes")), ""},
		"good_additions.json":  {added, ""},
		"good_timed_out.json":  {timedOut, "ApprovalTimedOut"},
		"good_cancelled.json":  {cancelled, "ApprovalCancelled"},
		"good_superseded.json": {answer(approval.Superseded), "ApprovalSuperseded"},
		"good_choice.json":     {chosen(approval.Approved, voteFor(1, approval.Approve, "approve_up_to", `{"limit":1500}`)), ""},
		"good_edited.json":     {edited(), ""},
		"good_rejected_choice.json": {chosen(approval.Rejected,
			voteFor(1, approval.Reject, "reject", `{"reason":"budget"}`)), callback.ErrorDenied},
		"good_returned.json":  {chosen(approval.Returned, voteFor(1, approval.Return, "return", "")), callback.ErrorReturned},
		"good_abstained.json": {abstained(), callback.ErrorDenied},
	} {
		got, err := callback.FitAnswer(c.a, c.errorName, 1<<20, false)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
		if again, _ := callback.FitAnswer(c.a, c.errorName, len(got), false); string(again) != string(got) {
			t.Errorf("%s is other bytes the second time, or at its own length", name)
		}
	}
}

// Every answer is valid JSON within its limit, and contains the outcome and the order.
func TestFitKeepsItsLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string, most int) string {
			s := rapid.SampledFrom([]string{"a", "é", "😀", "\x01", "\xff", "\"", "<", "\u2028", "a\xe2"}).Draw(t, name)
			return strings.Repeat(s, rapid.IntRange(0, most/len(s)).Draw(t, name+" times"))
		}
		a := answer(rapid.SampledFrom(approval.AllStatuses()).Draw(t, "status"))
		for i := range rapid.IntRange(0, approval.MaxApprovers).Draw(t, "votes") {
			a.Votes = append(a.Votes, vote(i, approval.Reject, text("comment", approval.MaxComment)))
		}
		a.Reason = text("reason", 500)
		a.Output = map[string]any{"more": text("more", 50_000)}
		before := fmt.Sprint(a.Votes)
		limit := rapid.SampledFrom([]int{8192, 32_768, 262_144}).Draw(t, "limit")
		got, err := callback.FitAnswer(a, "", limit, true)
		if err != nil || len(got) > limit || !utf8.Valid(got) {
			t.Fatalf("%d bytes, limit %d: %v", len(got), limit, err)
		}
		var back struct {
			Approved *bool
			OrderID  string
			Comment  string
		}
		if err := json.Unmarshal(got, &back); err != nil || back.Approved == nil || back.OrderID != a.OrderID {
			t.Fatalf("%s: %v", got, err)
		}
		if fmt.Sprint(a.Votes) != before {
			t.Fatal("the answer's own votes were changed")
		}
	})
}

// Every decision and vote in the answer has its way in, its authenticated principal and the digest of what was shown. A
// path to one of them never fails.
func TestAnswerHasThePrincipal(t *testing.T) {
	t.Parallel()
	person, program := vote(1, approval.Approve, ""), vote(2, approval.Approve, "")
	program.Via, program.Source, program.Principal, program.ShownDigest = approval.ViaAPI, "api:shop", "api:shop", ""
	ofOldRecord := vote(3, approval.Approve, "")
	ofOldRecord.Via, ofOldRecord.Source, ofOldRecord.ShownDigest = approval.ViaWebhook, "erp", ""
	operator := vote(4, approval.Approve, "")
	operator.Via, operator.By, operator.Principal, operator.Claimed = approval.ViaOperator, "olga", "operator:olga", "boss"
	type maker struct{ DecidedBy, Via, Principal, ShownDigest *string }
	var back struct {
		maker
		Votes []maker
	}
	got, err := callback.FitAnswer(answer(approval.Approved, person, program, ofOldRecord, operator), "", 1<<20, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"p1@example.com", "link", "p1@example.com", "shown"},
		{"p2@example.com", "api", "api:shop", ""},
		{"p3@example.com", "webhook", "source:erp", ""},
		{"olga", "operator", "operator:olga", "shown"},
	}
	for i, m := range append(back.Votes, back.maker) {
		texts := []string{*m.DecidedBy, *m.Via, *m.Principal, *m.ShownDigest}
		if !slices.Equal(texts, want[min(i, 3)]) {
			t.Errorf("vote %d: %q", i, texts)
		}
	}
}

func TestFitCutsInOrder(t *testing.T) {
	t.Parallel()
	a := answer(approval.Rejected, vote(1, approval.Approve, strings.Repeat("x", 300)),
		vote(2, approval.Reject, strings.Repeat("é", 300)))
	a.Output = map[string]any{"more": strings.Repeat("m", 300)}
	for _, c := range []struct {
		limit                             int
		first, votes, more, comment, cuts bool
	}{
		{2600, true, true, true, true, false},
		{2400, false, true, true, true, true},
		{1570, false, false, true, true, true},
		{1020, false, false, false, true, true},
		{570, false, false, false, false, true},
	} {
		got, err := callback.FitAnswer(a, "", c.limit, true)
		if err != nil {
			t.Fatal(err)
		}
		has := func(s string) bool { return strings.Contains(string(got), s) }
		if has("xxx") != c.first || has(`"votes"`) != c.votes || has("mmm") != c.more ||
			has(strings.Repeat("é", 300)) != c.comment || has(`"truncated":true`) != c.cuts {
			t.Errorf("limit %d: %s", c.limit, got)
		}
		if !c.comment && !has(`é…"`) {
			t.Errorf("limit %d: the comment's beginning is gone: %s", c.limit, got)
		}
	}
	if _, err := callback.FitAnswer(a, "", 500, false); !errors.Is(err, callback.ErrTooLong) {
		t.Errorf("with additions that must stay: %v", err)
	}
}

func TestFitUsesItsLimit(t *testing.T) {
	t.Parallel()
	for _, char := range []string{"x", "é", "😀", "\x01"} {
		a := answer(approval.Rejected, vote(1, approval.Reject, strings.Repeat(char, 500)))
		for limit := 340; limit < 740; limit++ {
			got, err := callback.FitAnswer(a, "", limit, true)
			if err != nil || len(got) > limit || len(got) < limit-24 {
				t.Errorf("%q: %d bytes for the limit %d: %v", char, len(got), limit, err)
			}
		}
	}
}

func TestFitRefusesInvalidJSON(t *testing.T) {
	t.Parallel()
	a := answer(approval.Approved)
	a.Output = map[string]any{"x": math.NaN()}
	if got, err := callback.FitAnswer(a, "", 1000, false); err == nil {
		t.Errorf("%s", got)
	}
}

func TestCheckOutput(t *testing.T) {
	t.Parallel()
	if err := callback.CheckOutput(map[string]any{"team": "a", "n": 1}); err != nil {
		t.Error(err)
	}
	for _, bad := range []map[string]any{{"approved": true}, {"OrderId": 1}, {"VOTES": 1}, {"principal": 1}, {"x": make(chan int)}} {
		var field *approval.FieldError
		if err := callback.CheckOutput(bad); !errors.As(err, &field) || field.Field != "output" ||
			!approval.IsPermanent(err) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestErrorName(t *testing.T) {
	t.Parallel()
	for s, want := range map[approval.Status]string{
		approval.Approved: "", approval.Rejected: "ApprovalDenied", approval.Returned: "ApprovalReturned", approval.TimedOut: "ApprovalTimedOut",
		approval.Cancelled: "ApprovalCancelled", approval.Superseded: "ApprovalSuperseded",
	} {
		if got, err := callback.ErrorName(answer(s)); got != want || err != nil {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
	a := answer(approval.Rejected)
	a.RejectAsSuccess = true
	if got, err := callback.ErrorName(a); got != "" || err != nil {
		t.Errorf("rejected as success: %q, %v", got, err)
	}
	for _, s := range []approval.Status{approval.Pending, "", "other"} {
		if _, err := callback.ErrorName(answer(s)); !approval.IsPermanent(err) {
			t.Errorf("%q has an answer", s)
		}
	}
}

// The values are never cut: the votes and the additions go before.
func TestFitKeepsTheValues(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 4000)
	other := voteFor(1, approval.Approve, "approve", "")
	other.Changes = []approval.Change{{Path: "/a", From: json.RawMessage("1"), To: json.RawMessage(`"` + long + `"`)}}
	back := voteFor(3, approval.Approve, "approve", "")
	back.Changes = []approval.Change{{Path: "/a", From: other.Changes[0].To, To: json.RawMessage("1")}}
	deciding := voteFor(2, approval.Approve, "approve_up_to", `{"note":"`+long+`"}`)
	deciding.Changes = []approval.Change{{Path: "/b", From: json.RawMessage("1"), To: json.RawMessage("2"), By: "p2"}}
	a := chosen(approval.Approved, other, back, deciding)
	a.Output = map[string]any{"kept": "yes"}
	got, err := callback.FitAnswer(a, "", 5000, false)
	if err != nil {
		t.Fatal(err)
	}
	var fields struct {
		Truncated bool
		Kept      string
		Comment   string
		Values    struct{ Note string }
		Changes   []struct{ Path string }
		Votes     []any
	}
	if err := json.Unmarshal(got, &fields); err != nil {
		t.Fatal(err)
	}
	if !fields.Truncated || fields.Kept != "yes" || fields.Values.Note != long || len(fields.Changes) != 1 ||
		fields.Changes[0].Path != "/b" || fields.Votes != nil || fields.Comment != "because" {
		t.Errorf("%.300s", got)
	}
	if _, err := callback.FitAnswer(a, "", 4000, true); !errors.Is(err, callback.ErrTooLong) {
		t.Errorf("the values do not fit: %v", err)
	}
}
