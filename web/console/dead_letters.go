package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// DeadLetters lists the dead letters in the store's own table; store.DeadLetters states its promises. The pages never
// show a body: it may contain a task token.
type DeadLetters interface {
	ListDeadLetters(ctx context.Context, after string, limit int) ([]store.DeadLetter, error)
}

// shownDeadLetters is the number of dead letters on a page.
const shownDeadLetters = 100

// deadLettersPage lists dead letters by reason, and then each of them.
type deadLettersPage struct {
	frame
	Reasons []reasonView
	Rows    []deadLetterView
	First   bool   // it is the first page
	Start   string // path of the first page
	Next    string // path of the next page
	Queues  []string
	DryRun  string // nonce
}

// reasonView counts the dead letters with the same reason code.
type reasonView struct {
	Code    string
	Reason  string // the code, encoded for a form
	Example string // the error of the oldest of them
	Count   int
	Sources string
	Oldest  look.Moment
	Age     string
}

type deadLetterView struct {
	ID       string
	Source   string
	Code     string
	Error    string
	At       look.Moment
	Redrives int
}

func (c *Console) showDeadLetters(w http.ResponseWriter, r *http.Request, s session) {
	after := r.URL.Query().Get("after")
	letters, err := c.DeadLetters.ListDeadLetters(r.Context(), after, shownDeadLetters)
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	now := c.Now()
	p := deadLettersPage{
		frame:   c.newFrame(r, s, "dead-letters", "Dead letters"),
		Reasons: groupByReason(letters, now),
		Queues:  slices.DeleteFunc(slices.Clone(c.Queues), func(source string) bool { return !s.seesSource(source) }),
		DryRun:  c.dryRunNonce(s),
		First:   after == "",
		Start:   "dead-letters",
	}
	if len(letters) == shownDeadLetters {
		p.Next = "dead-letters?" + url.Values{paramAfter: {letters[len(letters)-1].ID}}.Encode()
	}
	for _, l := range letters {
		p.Rows = append(p.Rows, deadLetterView{
			ID:       untrusted.MultiLine(l.ID),
			Source:   untrusted.MultiLine(l.Source),
			Code:     untrusted.MultiLine(string(l.ReasonCode)),
			Error:    untrusted.MultiLine(l.Reason),
			At:       look.NewMoment(l.At, now),
			Redrives: l.Redrives,
		})
	}
	c.writePage(w, r, http.StatusOK, "dead_letters.html", p)
}

// groupByReason groups dead letters by their reason code, the most frequent code first. The list begins with the oldest.
func groupByReason(letters []store.DeadLetter, now time.Time) []reasonView {
	index := map[approval.ReasonCode]int{}
	var groups []reasonView
	var sources [][]string
	for _, l := range letters {
		i, known := index[l.ReasonCode]
		if !known {
			i = len(groups)
			index[l.ReasonCode] = i
			groups = append(groups, reasonView{
				Code:    untrusted.MultiLine(string(l.ReasonCode)),
				Reason:  encodePart([]byte(l.ReasonCode)),
				Example: untrusted.MultiLine(l.Reason),
				Oldest:  look.NewMoment(l.At, now),
				Age:     formatAge(l.At, now),
			})
			sources = append(sources, nil)
		}
		groups[i].Count++
		if name := untrusted.MultiLine(l.Source); !slices.Contains(sources[i], name) {
			sources[i] = append(sources[i], name)
		}
		groups[i].Sources = strings.Join(sources[i], ", ")
	}
	slices.SortStableFunc(groups, func(a, b reasonView) int { return cmp.Compare(b.Count, a.Count) })
	return groups
}
