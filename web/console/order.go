package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
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
	p.Query = untrusted.MultiLine(id)
	if id == "" {
		p.Heading, p.Title, p.Lead = "Find an order", "Find an order", "Type its ID, or how it begins."
		c.write(w, r, http.StatusOK, "search.html", p)
		return
	}
	orders, _, err := c.Orders.List(r.Context(), store.Query{After: id, Limit: shownMatches + 1})
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	for _, o := range orders {
		if !strings.HasPrefix(o.ID, id) {
			break
		}
		p.Matches = append(p.Matches, match{untrusted.MultiLine(o.ID), orderPath(o.ID)})
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
	p := orderPage{frame: c.frame(r, s, "", "Order "+untrusted.MultiLine(o.ID)), OrderKey: encode([]byte(o.ID)), Full: len(o.History) >= approval.MaxHistory}
	p.Notice, p.Query, p.Self = notice, untrusted.MultiLine(o.ID), orderPath(o.ID)
	now := c.Now()
	for _, a := range slices.Backward(o.Approvals) {
		v := viewApproval(a, now)
		if a.Status == approval.Pending {
			v.Rule = &ruleForm{encode([]byte(o.ID)), a.ID, c.nonce(s, "rule", o.ID, a.ID), untrusted.MultiLine(typed[a.ID]), approval.MaxComment, notice != ""}
		}
		if a.Callback.State == approval.CallbackExhausted {
			v.Redrive = c.nonce(s, "look")
		}
		p.Approvals = append(p.Approvals, v)
	}
	slices.SortStableFunc(p.Approvals, func(a, b approvalView) int { return urgency(a) - urgency(b) })
	for _, u := range o.Unmatched {
		d := u.Decision
		p.Unmatched = append(p.Unmatched, unmatchedView{person(d.By), outcome(d.Outcome), via(d.Via, d.Source), look.NewMoment(u.ExpiresAt, now), u.Expired})
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
