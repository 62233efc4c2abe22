package console

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// pageSize is how many orders a page lists.
const pageSize = 50

// listPage is a page of pending approvals, or of callbacks that were given up.
type listPage struct {
	frame
	Workflows []workflowView
	Rows      []row
	First     bool   // it begins at the beginning
	Next      string // path of the next page
	Redrive   string // nonce of the dry run
}

type workflowView struct{ Name, Pending, Oldest string }

// row is one approval in a list.
type row struct {
	OrderID, Href, Title, Workflow, Step, Approval string

	Age      string // how long it has waited, or since it was given up
	Since    look.Moment
	Deadline look.Moment
	Urgent   string // what is wrong with the deadline
	Asked    people
	Told     state

	Status   state
	Error    string
	Attempts int
	Reason   string // as a form carries it
	Expired  bool   // the task of a callback that was given up
}

// people are names, the first few of them.
type people struct {
	Names []string
	More  int
}

// state is how far something has come, in words, and how that is to be taken:
// open, good, bad, closed.
type state struct{ Text, Tone, Error string }

func (c *Console) pending(w http.ResponseWriter, r *http.Request, s session) {
	p, orders, ok := c.list(w, r, s, store.Query{ByAge: true}, "console", "Pending approvals")
	if !ok {
		return
	}
	now := c.Now()
	for _, o := range orders {
		for _, a := range o.Approvals {
			if a.Status == approval.Pending {
				p.Rows = append(p.Rows, waiting(o, a, now))
			}
		}
		p.damaged(o, now)
	}
	stats, err := c.Counter.Stats(r.Context())
	if err != nil { // the frame has logged it
		stats = store.Stats{}
	}
	for _, name := range slices.Sorted(maps.Keys(stats.Workflows)) {
		wf := stats.Workflows[name]
		p.Workflows = append(p.Workflows, workflowView{untrusted.MultiLine(name), number(wf.Pending), age(wf.Oldest, now)})
	}
	c.write(w, r, http.StatusOK, "pending.html", p)
}

func (c *Console) exhausted(w http.ResponseWriter, r *http.Request, s session) {
	p, orders, ok := c.list(w, r, s, store.Query{Exhausted: true}, "exhausted", "Answers given up")
	if !ok {
		return
	}
	now := c.Now()
	for _, o := range orders {
		for _, a := range o.Approvals {
			if a.Callback.State == approval.CallbackExhausted {
				p.Rows = append(p.Rows, givenUp(o, a, now))
			}
		}
		p.damaged(o, now)
	}
	p.Redrive = c.nonce(s, "look")
	c.write(w, r, http.StatusOK, "exhausted.html", p)
}

// list reads a page of orders.
func (c *Console) list(w http.ResponseWriter, r *http.Request, s session, q store.Query, name, heading string) (listPage, []*approval.Order, bool) {
	q.After = r.URL.Query().Get("after")
	q.Limit = pageSize
	orders, next, err := c.Orders.List(r.Context(), q)
	if err != nil {
		c.fail(w, r, s, err)
		return listPage{}, nil, false
	}
	p := listPage{frame: c.frame(r, s, name, heading), First: q.After == ""}
	if next != "" {
		p.Next = "?" + url.Values{"after": {next}}.Encode()
	}
	return p, orders, true
}

// damaged lists an order whose record cannot be read.
func (p *listPage) damaged(o *approval.Order, now time.Time) {
	if len(o.Approvals) == 0 && len(o.Unmatched) == 0 {
		p.Rows = append(p.Rows, row{
			OrderID: untrusted.MultiLine(o.ID),
			Href:    orderPath(o.ID),
			Title:   "The record of this order cannot be read",
			Since:   look.NewMoment(now, now),
			Told:    state{Text: "Damaged record", Tone: "bad"},
			Status:  state{Text: "Damaged record", Tone: "bad"},
		})
	}
}

func newRow(o *approval.Order, a *approval.Approval, since, now time.Time) row {
	return row{
		OrderID:  untrusted.MultiLine(o.ID),
		Href:     orderPath(o.ID),
		Title:    untrusted.MultiLine(a.Title),
		Workflow: untrusted.MultiLine(a.Workflow),
		Step:     untrusted.MultiLine(a.Step),
		Approval: a.ID,
		Age:      age(since, now),
		Since:    look.NewMoment(since, now),
	}
}

func waiting(o *approval.Order, a *approval.Approval, now time.Time) row {
	out := newRow(o, a, a.RequestedAt, now)
	out.Deadline, out.Told, out.Asked = look.NewMoment(a.Deadline, now), told(a), asked(a)
	switch left := a.Deadline.Sub(now); {
	case left <= 0:
		out.Urgent = "overdue"
	case left < soon:
		out.Urgent = "soon"
	}
	return out
}

func givenUp(o *approval.Order, a *approval.Approval, now time.Time) row {
	out := newRow(o, a, a.Callback.EndedAt, now)
	out.Status, out.Attempts = status(a, now), a.Callback.Attempts
	out.Error, out.Reason = untrusted.MultiLine(a.Callback.LastError), encode([]byte(a.Callback.LastError))
	out.Expired = !a.TaskExpires.IsZero() && a.TaskExpires.Before(now)
	return out
}

// soon is how little time is left when a deadline stands out.
const soon = time.Hour

// shownPeople is how many names a list has room for.
const shownPeople = 3

// asked lists those who have not voted.
func asked(a *approval.Approval) (out people) {
	for _, p := range a.Approvers {
		switch {
		case voted(a, p.ID):
		case len(out.Names) == shownPeople:
			out.More++
		default:
			out.Names = append(out.Names, untrusted.MultiLine(p.ID))
		}
	}
	return out
}

func voted(a *approval.Approval, id string) bool {
	for _, v := range a.Votes {
		if approval.SamePerson(v.By, id) {
			return true
		}
	}
	return false
}

// told says whether people know that they are asked.
func told(a *approval.Approval) state {
	var sent, tried, gone int
	var failing *approval.Notification
	for _, n := range a.Notifications {
		switch {
		case n.Kind == approval.NotifyOutcome || n.Kind == approval.NotifyEvent:
		case n.State == approval.NotificationSent:
			sent++
		case n.State == approval.NotificationExhausted:
			gone, failing = gone+1, n
		case n.State == approval.NotificationPending:
			tried++
			if n.LastError != "" {
				failing = n
			}
		}
	}
	out := state{Text: "Told", Tone: "good"}
	if failing != nil {
		out.Error = untrusted.MultiLine(failing.Channel + ": " + failing.LastError)
	}
	switch {
	case a.Undeliverable, sent == 0 && tried == 0 && gone > 0:
		out.Text, out.Tone = "Nobody could be told", "bad"
	case sent == 0 && tried == 0:
		out.Text, out.Tone = "No message", "closed"
	case sent == 0 && failing != nil:
		out.Text, out.Tone = "Not told yet, failing", "bad"
	case sent == 0:
		out.Text, out.Tone = "Being told", "open"
	case failing != nil:
		out.Text, out.Tone = "Told, some failing", "warn"
	}
	return out
}

// status is the approval's in words, but that a deadline counts although nobody has
// recorded it yet.
func status(a *approval.Approval, now time.Time) state {
	switch a.Status {
	case approval.Approved:
		return state{Text: "Approved", Tone: "good"}
	case approval.Rejected:
		return state{Text: "Rejected", Tone: "bad"}
	case approval.TimedOut:
		return state{Text: "Timed out", Tone: "closed"}
	case approval.Cancelled:
		return state{Text: "Cancelled", Tone: "closed"}
	case approval.Superseded:
		return state{Text: "Replaced", Tone: "closed"}
	case approval.Pending:
	}
	if !a.Deadline.After(now) {
		return state{Text: "Timing out", Tone: "bad"}
	}
	return state{Text: "Pending", Tone: "open"}
}

// orderPath leads to the page of an order, whatever its ID has in it.
func orderPath(id string) string { return "order?" + url.Values{"id": {id}}.Encode() }

// age is how long ago it was, in the two largest units.
func age(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return span(now.Sub(t))
}

// span is a length of time in the two largest units.
func span(d time.Duration) string {
	d = max(d, 0)
	switch days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60; {
	case days > 0:
		return strings.TrimSpace(unit(days, "d") + " " + unit(hours, "h"))
	case hours > 0:
		return strings.TrimSpace(unit(hours, "h") + " " + unit(minutes, "min"))
	case minutes > 0:
		return unit(minutes, "min")
	}
	return cmp.Or(unit(int(d.Seconds()), "s"), "a moment")
}

// unit is so many of one, or nothing for none.
func unit(n int, name string) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n) + "\u00a0" + name
}

// number writes a number with its thousands apart.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
