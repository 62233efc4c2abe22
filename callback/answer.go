package callback

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// timeFormat is RFC 3339 in UTC with milliseconds, as JavaScript's toISOString
// writes it.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// ErrTooLong says that an answer is longer than its target takes, even without
// comments.
var ErrTooLong = errors.New("the answer is too long")

// fixedNames are the names that an answer may have. Configured additions never
// take one of them.
func fixedNames() []string {
	return []string{
		"approved", "status", "orderId", "approvalId", "step", "approvalTimestamp", "reason", "error",
		"decision", "decisionId", "decidedBy", "comment", "votes", "truncated",
	}
}

// CheckOutput says which of the configured additions to an answer cannot be
// taken: its name is one of the answer's own (in whatever case, because many
// JSON readers do not tell), or it cannot be written as JSON. The error is
// approval.Invalid for the field "output".
func CheckOutput(additions map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(additions)) {
		if isFixed(name) {
			return approval.InvalidField("output", "%.80q is a name of the answer itself", name)
		}
		if _, err := json.Marshal(additions[name]); err != nil {
			return approval.InvalidField("output", "%.80q cannot be written as JSON", name)
		}
	}
	return nil
}

func isFixed(name string) bool {
	return slices.ContainsFunc(fixedNames(), func(f string) bool { return strings.EqualFold(f, name) })
}

// Fit returns an answer as a JSON object of at most limit bytes. The same answer
// is always the same bytes: names in alphabetical order, no HTML escapes,
// invalid UTF-8 replaced.
//
// Always there: approved, status, orderId, approvalId, approvalTimestamp (when
// it was closed). Where a decision closed it: decision ("approve" or "reject"),
// decisionId, decidedBy and comment (which may be empty: a path to a missing
// name fails a state); else reason. Where there is one: step, error (errorName),
// and the configured additions. Votes are listed where there are others than
// the one that closed it.
//
// What is too long loses first its votes' comments, then its votes, then the
// end of its comment, and says "truncated": true. The additions are kept, or
// dropped before the comment is if dropAdditions says so. What is too long even
// then is ErrTooLong.
func Fit(a approval.Answer, errorName string, limit int, dropAdditions bool) ([]byte, error) {
	text, err := encode(fields(a, errorName))
	if err != nil || len(text) <= limit {
		return text, err
	}
	for i := range a.Votes[:max(len(a.Votes)-1, 0)] {
		if i == 0 {
			a.Votes = slices.Clone(a.Votes)
		}
		a.Votes[i].Comment = ""
	}
	f := fields(a, errorName)
	f["truncated"] = true
	cuts := []func(){func() {}, func() { delete(f, "votes") }}
	if dropAdditions {
		cuts = append(cuts, func() { maps.DeleteFunc(f, func(name string, _ any) bool { return !isFixed(name) }) })
	}
	for _, cut := range append(cuts, func() { shorten(f, len(text)-limit) }) {
		cut()
		if text, err = encode(f); err != nil || len(text) <= limit {
			return text, err
		}
	}
	return nil, fmt.Errorf("%w: %d bytes, the most is %d", ErrTooLong, len(text), limit)
}

// shorten takes so much from the end of the comment that at least over bytes of
// JSON go, if it has as many. It ends with "…" then.
func shorten(f map[string]any, over int) {
	comment, _ := f["comment"].(string)
	if comment == "" {
		return
	}
	room := written(comment) - over
	// The first length at which it is too long; one less fits, or nothing does.
	n := sort.Search(len(comment), func(n int) bool { return written(comment[:n]+"…") > room })
	f["comment"] = strings.ToValidUTF8(comment[:max(n-1, 0)], "") + "…"
}

// written is the length of s in JSON.
func written(s string) int {
	text, _ := encode(map[string]any{"": s})
	return len(text)
}

func fields(a approval.Answer, errorName string) map[string]any {
	f := map[string]any{}
	for name, v := range a.Output {
		if !isFixed(name) {
			f[name] = v
		}
	}
	f["approved"] = a.Status == approval.Approved
	f["status"] = string(a.Status)
	f["orderId"] = a.OrderID
	f["approvalId"] = a.ApprovalID
	f["approvalTimestamp"] = a.ClosedAt.UTC().Format(timeFormat)
	if a.Step != "" {
		f["step"] = a.Step
	}
	if errorName != "" {
		f["error"] = errorName
	}
	decided := len(a.Votes) > 0 && (a.Status == approval.Approved || a.Status == approval.Rejected)
	if decided {
		v := a.Votes[len(a.Votes)-1]
		f["decision"], f["decisionId"], f["decidedBy"], f["comment"] = string(v.Outcome), v.DecisionID, v.By, valid(v.Comment)
	} else {
		f["reason"] = a.Reason
	}
	if len(a.Votes) > 1 || (len(a.Votes) == 1 && !decided) {
		f["votes"] = votes(a.Votes)
	}
	return f
}

// valid replaces what is not UTF-8, as JSON would, but a run of it only once.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

type vote struct {
	DecidedBy string `json:"decidedBy"`
	Decision  string `json:"decision"`
	Comment   string `json:"comment"`
	At        string `json:"at"`
}

func votes(in []approval.Vote) []vote {
	out := make([]vote, 0, len(in))
	for _, v := range in {
		out = append(out, vote{v.By, string(v.Outcome), valid(v.Comment), v.At.UTC().Format(timeFormat)})
	}
	return out
}

func encode(f map[string]any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return nil, errors.New("the answer cannot be written as JSON")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
