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
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// DeadLetters lists and removes the dead letters of the store and of the dead letter queues. It keeps within the scope of
// the context. Bodies are listed on demand, because they may contain task tokens; the log keeps who has seen them.
type DeadLetters interface {
	ListLetters(ctx context.Context, q store.LetterQuery) (store.LetterPage, error)
	DismissLetters(ctx context.Context, d store.Dismissal) store.DismissalReport
	// QueueDepths reads the number of messages in each dead letter queue.
	QueueDepths(ctx context.Context) []store.QueueDepth
}

// shownDeadLetters is the number of dead letters of the store on a page.
const shownDeadLetters = 100

// deadLettersPage lists dead letters by reason, and then each of them.
type deadLettersPage struct {
	frame
	InStore  string // number of dead letters in the store, on the first page
	InQueues string // number of messages in dead letter queues, on the first page
	Filter   letterFilter
	Reasons  []reasonView
	Queues   []queueView
	Rows     []deadLetterView
	First    bool   // it is the first page
	Start    string // path of the first page
	Next     string // path of the next page
	DryRun   string // nonce, or empty
	Bodies   string // nonce of the form that shows the bodies, or empty
	Shown    bool   // the bodies are shown
	Dismiss  string // nonce of the form that dismisses, or empty
	After    string
}

// letterFilter limits the page to a source or to a reason code.
type letterFilter struct {
	Source string
	Code   string
	Key    string // the code, encoded for a form
}

// reasonView counts the dead letters with the same reason code.
type reasonView struct {
	Code    string
	Reason  string // the code, encoded for a form
	Href    string // path of the page with this reason only
	Example string // the error of one of them
	Count   int
	AtLeast bool // there may be more in queues
	Sources string
	sources []string
}

// queueView is a dead letter queue.
type queueView struct {
	Source   string
	Queue    string
	Messages string
	Listed   int
	HasMore  bool
	Error    string
}

type deadLetterView struct {
	ID       string
	Key      string // selects it in a form
	Source   string
	Queued   bool // it is in a dead letter queue
	Code     string
	Error    string
	At       look.Moment
	Redrives int
	Body     string
}

func (c *Console) showDeadLetters(w http.ResponseWriter, r *http.Request, s session) {
	v := r.URL.Query()
	c.writeDeadLetters(w, r, s, store.LetterQuery{
		Source:     v.Get("source"),
		ReasonCode: approval.ReasonCode(v.Get("reason")),
		After:      v.Get(paramAfter),
	}, "")
}

// showLetterBodies shows a page of dead letters with their bodies. It is a POST, because the log keeps the reader's name.
func (c *Console) showLetterBodies(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "source", "reason", "after", "nonce")
	if !ok {
		return
	}
	if !c.verifyNonce(sent["nonce"], s, formLetterBodies) {
		c.refuse(w, r, s, staleForm)
		return
	}
	code, ok := decodeText(sent["reason"])
	if !ok {
		c.refuse(w, r, s, unreadable)
		return
	}
	c.writeDeadLetters(w, r, s, store.LetterQuery{
		Source:     sent["source"],
		ReasonCode: approval.ReasonCode(code),
		After:      sent["after"],
		WithBodies: true,
	}, "")
}

func (c *Console) writeDeadLetters(w http.ResponseWriter, r *http.Request, s session, q store.LetterQuery, notice string) {
	q.Limit = shownDeadLetters
	q.By = s.Name
	found, err := c.DeadLetters.ListLetters(r.Context(), q)
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	now := c.Now()
	p := deadLettersPage{
		frame: c.newFrame(r, s, "dead-letters", "Dead letters"),
		Filter: letterFilter{
			Source: untrusted.SingleLine(q.Source),
			Code:   untrusted.SingleLine(string(q.ReasonCode)),
			Key:    encodePart([]byte(q.ReasonCode)),
		},
		DryRun: c.dryRunNonce(s),
		Shown:  q.WithBodies,
		First:  q.After == "",
		Start:  lettersPath(q, ""),
		After:  q.After,
	}
	p.Notice = notice
	if s.may(role.Act) {
		p.Dismiss = c.formNonce(s, formDismissLook)
	}
	if s.may(role.Audit) && !q.WithBodies {
		p.Bodies = c.formNonce(s, formLetterBodies)
	}
	if found.Next != "" {
		p.Next = lettersPath(q, found.Next)
	}
	if p.First {
		p.addCounts(found)
	}
	p.addRows(found, now)
	c.writePage(w, r, http.StatusOK, "dead_letters.html", p)
}

// lettersPath returns the path of a page of dead letters.
func lettersPath(q store.LetterQuery, after string) string {
	v := url.Values{}
	for name, value := range map[string]string{"source": q.Source, "reason": string(q.ReasonCode), paramAfter: after} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(v) == 0 {
		return "dead-letters"
	}
	return "dead-letters?" + v.Encode()
}

// addCounts adds the numbers of dead letters by reason and by queue.
func (p *deadLettersPage) addCounts(found store.LetterPage) {
	stored, queued := 0, 0
	reasons := map[approval.ReasonCode]*reasonView{}
	add := func(code approval.ReasonCode, source, example string, count int) {
		group := reasons[code.OrUnknown()]
		if group == nil {
			group = &reasonView{
				Code:   untrusted.MultiLine(string(code.OrUnknown())),
				Reason: encodePart([]byte(code.OrUnknown())),
				Href:   lettersPath(store.LetterQuery{ReasonCode: code.OrUnknown()}, ""),
			}
			reasons[code.OrUnknown()] = group
		}
		group.Count += count
		if name := untrusted.MultiLine(source); !slices.Contains(group.sources, name) {
			group.sources = append(group.sources, name)
		}
		group.Example = cmp.Or(group.Example, untrusted.MultiLine(example))
	}
	for _, g := range found.Groups {
		stored += g.Count
		add(g.ReasonCode, g.Source, "", g.Count)
	}
	for _, l := range found.Stored {
		add(l.ReasonCode, l.Source, l.Reason, 0)
	}
	hasMore := false
	for _, queue := range found.Queues {
		queued += queue.Messages
		hasMore = hasMore || queue.HasMore
		for _, l := range queue.Letters {
			add(l.ReasonCode, queue.Source, l.Reason, 1)
		}
		p.Queues = append(p.Queues, newQueueView(queue))
	}
	for _, group := range reasons {
		group.Sources = strings.Join(group.sources, ", ")
		group.AtLeast = hasMore
		p.Reasons = append(p.Reasons, *group)
	}
	slices.SortFunc(p.Reasons, func(a, b reasonView) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Code, b.Code))
	})
	p.InStore, p.InQueues = formatNumber(stored), formatNumber(queued)
}

func newQueueView(queue store.LetterQueue) queueView {
	v := queueView{
		Source:   untrusted.MultiLine(queue.Source),
		Queue:    untrusted.MultiLine(queue.Queue),
		Messages: formatNumber(queue.Messages),
		Listed:   len(queue.Letters),
		HasMore:  queue.HasMore,
	}
	if queue.Err != nil {
		v.Error = untrusted.MultiLine(queue.Err.Error())
	}
	return v
}

// The kinds of dead letters in a form.
const (
	letterStored = "s"
	letterQueued = "q"
)

func (p *deadLettersPage) addRows(found store.LetterPage, now time.Time) {
	for _, l := range found.Stored {
		p.Rows = append(p.Rows, deadLetterView{
			ID:       untrusted.MultiLine(l.ID),
			Key:      letterStored + "." + encodePart([]byte(l.ID)),
			Source:   untrusted.MultiLine(l.Source),
			Code:     untrusted.MultiLine(string(l.ReasonCode.OrUnknown())),
			Error:    untrusted.MultiLine(l.Reason),
			At:       look.NewMoment(l.At, now),
			Redrives: l.Redrives,
			Body:     untrusted.MultiLine(string(l.Body)),
		})
	}
	for _, queue := range found.Queues {
		for _, l := range queue.Letters {
			row := deadLetterView{
				ID:       untrusted.MultiLine(l.ID),
				Key:      letterQueued + "." + encodePart([]byte(l.ID)),
				Source:   untrusted.MultiLine(queue.Source),
				Queued:   true,
				Code:     untrusted.MultiLine(string(l.ReasonCode.OrUnknown())),
				Error:    untrusted.MultiLine(l.Reason),
				Redrives: l.Redrives,
				Body:     untrusted.MultiLine(string(l.Body)),
			}
			if !l.At.IsZero() {
				row.At = look.NewMoment(l.At, now)
			}
			p.Rows = append(p.Rows, row)
		}
	}
}
