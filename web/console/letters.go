package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// DeadLetters lists the dead letters in the store's own table; store.DeadLetters
// states its promises. The pages never show a body: it may contain a task token.
type DeadLetters interface {
	ListDeadLetters(ctx context.Context, after string, limit int) ([]store.DeadLetter, error)
}

// shownLetters is how many a page shows: their bodies are read with them, and may
// be as large as a message.
const shownLetters = 100

// lettersPage is what was given up, by reason and one by one.
type lettersPage struct {
	frame
	Reasons []reasonView
	Letters []letterView
	First   bool   // it begins at the beginning
	Next    string // path of the next page
	Unread  string // the error of those that cannot be read
	Queues  []string
	Nonce   string // of the dry run
}

// reasonView is the letters with one reason.
type reasonView struct {
	Text, Reason string // as it is shown, and as the form carries it
	Count        int
	Sources      string
	Oldest       look.Moment
	Age          string
}

type letterView struct {
	ID, Source, Reason string
	At                 look.Moment
	Redrives           int
}

func (c *Console) letters(w http.ResponseWriter, r *http.Request, s session) {
	after := r.URL.Query().Get("after")
	letters, err := c.DeadLetters.ListDeadLetters(r.Context(), after, shownLetters)
	if err != nil && len(letters) == 0 {
		c.fail(w, r, s, err)
		return
	}
	p := lettersPage{
		frame:  c.frame(r, s, "letters", "Dead letters"),
		Queues: c.Queues,
		Nonce:  c.nonce(s, "look"),
		First:  after == "",
	}
	if len(letters) == shownLetters {
		p.Next = "?" + url.Values{"after": {letters[len(letters)-1].ID}}.Encode()
	}
	if err != nil {
		p.Unread = untrusted.MultiLine(err.Error())
	}
	now := c.Now()
	p.Reasons = byReason(letters, now)
	for _, l := range letters {
		p.Letters = append(p.Letters, letterView{untrusted.MultiLine(l.ID), untrusted.MultiLine(l.Source), untrusted.MultiLine(l.Reason), look.NewMoment(l.At, now), l.Redrives})
	}
	c.write(w, r, http.StatusOK, "letters.html", p)
}

// byReason groups letters, the most frequent reason first.
func byReason(letters []store.DeadLetter, now time.Time) []reasonView {
	index := map[string]int{}
	var out []reasonView
	var sources [][]string
	for _, l := range letters {
		i, known := index[l.Reason]
		if !known {
			i, index[l.Reason] = len(out), len(out)
			out = append(out, reasonView{
				Text:   untrusted.MultiLine(l.Reason),
				Reason: encode([]byte(l.Reason)),
				Oldest: look.NewMoment(l.At, now),
				Age:    age(l.At, now),
			})
			sources = append(sources, nil)
		}
		out[i].Count++
		if name := untrusted.MultiLine(l.Source); !slices.Contains(sources[i], name) {
			sources[i] = append(sources[i], name)
		}
		out[i].Sources = strings.Join(sources[i], ", ")
	}
	slices.SortStableFunc(out, func(a, b reasonView) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
