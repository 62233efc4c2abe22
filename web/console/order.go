package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/web/look"
)

// orderPage is all that is known of one order.
type orderPage struct {
	frame
	OrderKey  string         // as a form carries it
	Approvals []approvalView // those that need somebody first, then the youngest
	Unmatched []unmatchedView
	Events    []eventView
	Full      bool // the history has lost its beginning
}

type approvalView struct {
	ID, Title, Workflow, Step, Execution, Requester, Target, Reason string

	Status    state
	Age       string // how long it has waited, while it does
	Late      bool   // there is little time left, or none
	Next      string // what to do about it
	Details   []approval.Field
	Policy    string
	Asked     []askedView
	Votes     []voteView
	Messages  []messageView
	Failing   int // of the messages
	Requested look.Moment
	Deadline  look.Moment
	Expires   *look.Moment // the task
	Callback  *callbackView
	Rule      *ruleForm
	Redrive   string // nonce of the dry run, where there is something to redrive
}

type askedView struct {
	Name, Note string
}

type voteView struct {
	By, Did, Via, Comment string
	At                    look.Moment
}

// messageView is one message to people or programs.
type messageView struct {
	What, To, Channel, Error string
	State                    state
	Attempts                 int
	When                     look.Moment // sent, or the next try
	At                       string
}

type callbackView struct {
	State    state
	Error    string
	Attempts int
	Redrives int
	At       *look.Moment // its end, or the next try
	Next     string       // when it is tried again: now, under way, or at a time; empty when it has ended
}

// ruleForm is the form by which an operator rules.
type ruleForm struct {
	OrderID, ApprovalID, Nonce, Reason string

	MaxReason int
	Open      bool // something was wrong with it
}

type unmatchedView struct {
	By, Did, Via string
	Expires      look.Moment
	Expired      bool
}

// shownMatches is how many orders a search lists.
const shownMatches = 20

// searchPage is what a search that named no order found.
type searchPage struct {
	frame
	Lead    string
	Matches []match
	More    bool
}

type match struct{ OrderID, Href string }

func (c *Console) order(w http.ResponseWriter, r *http.Request, s session) {
	id := r.URL.Query().Get("id")
	o, err := c.find(r, id)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		c.search(w, r, s, strings.TrimSpace(id))
	case err != nil:
		c.fail(w, r, s, err)
	default:
		c.writeOrder(w, r, s, o, http.StatusOK, "", nil)
	}
}

// find returns the order with that ID, or without the blanks that copying added.
func (c *Console) find(r *http.Request, id string) (*approval.Order, error) {
	if id == "" {
		return nil, approval.ErrNotFound
	}
	o, err := c.Orders.Get(r.Context(), id)
	if trimmed := strings.TrimSpace(id); errors.Is(err, approval.ErrNotFound) && trimmed != id && trimmed != "" {
		return c.Orders.Get(r.Context(), trimmed)
	}
	return o, err
}

// search lists the orders whose ID begins so.
func (c *Console) search(w http.ResponseWriter, r *http.Request, s session, id string) {
	p := searchPage{frame: c.frame(r, s, "", "No such order")}
	p.Query = look.Visible(id)
	if id == "" {
		p.Heading, p.Title, p.Lead = "Find an order", "Find an order", "Type its ID, or how it begins."
		c.write(w, r, http.StatusOK, "search.html", p)
		return
	}
	orders, _, err := c.Lists.List(r.Context(), All, id, shownMatches+1)
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	for _, o := range orders {
		if !strings.HasPrefix(o.ID, id) {
			break
		}
		p.Matches = append(p.Matches, match{look.Visible(o.ID), orderPath(o.ID)})
	}
	if p.More = len(p.Matches) > shownMatches; p.More {
		p.Matches = p.Matches[:shownMatches]
	}
	p.Lead = "Nothing is known of an order with this ID. Its request may not have come, or it was closed and its record removed."
	if len(p.Matches) > 0 {
		p.Heading, p.Title, p.Lead = "Orders that begin so", "Orders that begin so", "No order has just this ID."
	}
	c.write(w, r, http.StatusNotFound, "search.html", p)
}

// writeOrder sends the page of an order, with what was wrong with the last form
// and what had been typed into it.
func (c *Console) writeOrder(w http.ResponseWriter, r *http.Request, s session, o *approval.Order, code int, notice string, typed map[string]string) {
	p := orderPage{frame: c.frame(r, s, "", "Order "+look.Visible(o.ID)), OrderKey: encode([]byte(o.ID)), Full: len(o.History) >= approval.MaxHistory}
	p.Notice, p.Query, p.Self = notice, look.Visible(o.ID), orderPath(o.ID)
	now := c.Now()
	for _, a := range slices.Backward(o.Approvals) {
		v := viewApproval(a, now)
		if a.Status == approval.Pending {
			v.Rule = &ruleForm{encode([]byte(o.ID)), a.ID, c.nonce(s, "rule", o.ID, a.ID), look.Visible(typed[a.ID]), approval.MaxComment, notice != ""}
		}
		if a.Callback.State == approval.CallbackExhausted {
			v.Redrive = c.nonce(s, "look")
		}
		p.Approvals = append(p.Approvals, v)
	}
	slices.SortStableFunc(p.Approvals, func(a, b approvalView) int { return urgency(a) - urgency(b) })
	for _, u := range o.Unmatched {
		d := u.Decision
		p.Unmatched = append(p.Unmatched, unmatchedView{person(d.By), outcome(d.Outcome), via(d.Via, d.Source), look.Stamp(u.Expires, now), u.Expired})
	}
	p.Events = events(o, now)
	c.write(w, r, code, "order.html", p)
}

// urgency orders approvals: those that need somebody come first.
func urgency(a approvalView) int {
	switch {
	case a.Redrive != "":
		return 0
	case a.Rule != nil:
		return 1
	}
	return 2
}

func viewApproval(a *approval.Approval, now time.Time) approvalView {
	v := approvalView{
		ID: a.ID, Title: look.Visible(a.Title), Workflow: look.Visible(a.Workflow), Step: look.Visible(a.Step), Execution: look.Visible(a.Execution),
		Requester: look.Visible(a.Requester), Target: look.Visible(a.Target), Reason: look.Visible(a.Reason), Status: status(a, now), Next: advice(a, now),
		Policy: policy(a.Policy), Requested: look.Stamp(a.RequestedAt, now), Deadline: look.Stamp(a.Deadline, now), Callback: viewCallback(a, now),
	}
	if !a.TaskExpires.IsZero() {
		m := look.Stamp(a.TaskExpires, now)
		v.Expires = &m
	}
	for _, f := range a.Details {
		v.Details = append(v.Details, approval.Field{Name: look.Visible(f.Name), Value: look.Visible(f.Value)})
	}
	for _, p := range a.Approvers {
		var notes []string
		if p.For != "" {
			notes = append(notes, "covers "+look.Visible(p.For))
		}
		if p.Escalated {
			notes = append(notes, "escalated to")
		}
		if voted(a, p.ID) {
			notes = append(notes, "has decided")
		}
		v.Asked = append(v.Asked, askedView{look.Visible(p.ID), strings.Join(notes, ", ")})
	}
	for _, x := range a.Votes {
		v.Votes = append(v.Votes, voteView{person(x.By), outcome(x.Outcome), via(x.Via, x.Source), look.Visible(x.Comment), look.Stamp(x.At, now)})
	}
	for _, n := range a.Notifications {
		m := viewMessage(n, now)
		if v.Messages = append(v.Messages, m); m.State.Tone == "bad" {
			v.Failing++
		}
	}
	if a.Status == approval.Pending {
		v.Age, v.Late = age(a.RequestedAt, now), a.Deadline.Sub(now) < soon
	}
	return v
}

func viewMessage(n *approval.Notification, now time.Time) messageView {
	v := messageView{
		What: what(n), To: cmp.Or(look.Visible(n.Approver), "all there"), Channel: look.Visible(n.Channel), Error: look.Visible(n.LastError), Attempts: n.Attempt,
	}
	at := n.OwedAt
	switch n.State {
	case approval.NotificationSent:
		v.State, at = state{Text: "Sent", Tone: "good"}, n.SentAt
	case approval.NotificationExhausted:
		v.State = state{Text: "Given up", Tone: "bad"}
	case approval.NotificationDropped:
		v.State = state{Text: "Not needed", Tone: "closed"}
	case approval.NotificationOwed:
		v.State, at = state{Text: "Waiting", Tone: "open"}, n.Due
		if n.LastError != "" {
			v.State = state{Text: "Failing", Tone: "bad"}
		}
		v.When = look.Stamp(at, now)
		switch {
		case n.Running && at.After(now):
			v.When, v.At = look.Stamp(now, now), "under way"
		case at.After(now):
			v.At = "next try " + v.When.Relative
		default:
			v.When, v.At = look.Stamp(now, now), "next try now"
		}
		return v
	}
	v.When = look.Stamp(at, now)
	v.At = v.When.Relative
	return v
}

func what(n *approval.Notification) string {
	switch n.Kind {
	case approval.NotifyRequest:
		return "Request"
	case approval.NotifyReminder:
		return "Reminder"
	case approval.NotifyEscalation:
		return "Escalation"
	case approval.NotifyOutcome:
		return "Outcome"
	case approval.NotifyEvent:
	}
	return look.Visible(n.Event)
}

func viewCallback(a *approval.Approval, now time.Time) *callbackView {
	c := a.Callback
	if c.State == approval.CallbackNone {
		return nil
	}
	v := &callbackView{State: answer(c), Error: look.Visible(c.LastError), Attempts: c.Attempt, Redrives: c.Redrives}
	at := c.EndedAt
	if c.State == approval.CallbackOwed {
		at, v.Next = noTime, "now"
		switch {
		case c.Running && c.Due.After(now):
			v.Next = "under way"
		case c.Due.After(now):
			at, v.Next = c.Due, "at"
		}
	}
	if !at.IsZero() {
		m := look.Stamp(at, now)
		v.At = &m
	}
	return v
}

var noTime time.Time

// answer is how far the answer to the workflow has come.
func answer(c approval.Callback) state {
	switch c.State {
	case approval.CallbackOwed:
		if c.LastError != "" {
			return state{Text: "Failing, tried again", Tone: "bad"}
		}
		return state{Text: "Under way", Tone: "open"}
	case approval.CallbackDelivered:
		return state{Text: "Delivered", Tone: "good"}
	case approval.CallbackPresumed:
		return state{Text: "Delivered, presumably", Tone: "good"}
	case approval.CallbackTooLate:
		return state{Text: "Too late", Tone: "bad"}
	case approval.CallbackExhausted:
		return state{Text: "Given up", Tone: "bad"}
	case approval.CallbackSuperseded:
		return state{Text: "Not needed", Tone: "closed"}
	case approval.CallbackNone:
	}
	return state{Text: "Not yet", Tone: "closed"}
}
