package console

import (
	"net/url"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// urgentTime is the remaining time that highlights a deadline.
const urgentTime = time.Hour

// shownApprovers is the number of approvers that a row names.
const shownApprovers = 3

// row is an approval in a list.
type row struct {
	OrderID  string
	Href     string // path of the order's page
	Title    string
	Workflow string
	Step     string
	Approval string // ID; empty for a record that cannot be read

	Age       string // time since the request, or since the approval was closed
	AgeLabel  string // the label of the age on a small screen
	Since     look.Moment
	Deadline  look.Moment // of a pending approval
	Urgent    bool        // little or no time is left
	Asked     nameList    // approvers of a pending approval who have not voted
	Anybody   bool        // everybody with the link can decide
	DecidedBy string      // of a closed approval

	States   []statusView
	Attempts int    // of the callback that needs attention
	Code     string // the reason code of its error
	Reason   string // the reason code, encoded for the form of a dry run; empty without an exhausted callback
	Expired  bool   // the task of the exhausted callback has expired
}

// nameList is the beginning of a list of names.
type nameList struct {
	Names []string
	More  int
}

// statusView is a status in words, with a tone: open, good, warn, bad, closed.
type statusView struct {
	Text  string
	Tone  string
	Error string
}

// newRow returns the row of an approval.
func newRow(o *approval.Order, a *approval.Approval, now time.Time) row {
	out := row{
		OrderID:  untrusted.MultiLine(o.ID),
		Href:     orderPath(o.ID),
		Title:    untrusted.MultiLine(a.Title),
		Workflow: untrusted.MultiLine(a.Workflow),
		Step:     untrusted.MultiLine(a.Step),
		Approval: a.ID,
	}
	if a.Status == approval.Pending {
		out.addPending(a, now)
	} else {
		out.addClosed(a, now)
	}
	return out
}

func (out *row) setAge(since, now time.Time, label, suffix string) {
	out.AgeLabel = label
	out.Age = formatAge(since, now)
	if out.Age != "" {
		out.Age += suffix
	}
	out.Since = look.NewMoment(since, now)
}

func (out *row) addPending(a *approval.Approval, now time.Time) {
	out.setAge(a.RequestedAt, now, "Waiting", "")
	out.Deadline = look.NewMoment(a.Deadline, now)
	out.Urgent = a.Deadline.Sub(now) < urgentTime
	out.Asked = openApprovers(a)
	out.Anybody = len(a.Approvers) == 0
	if !a.Deadline.After(now) {
		out.States = append(out.States, describeStatus(a, now))
	}
	out.States = append(out.States, describeNotifications(a))
	if a.HasOpenProposal(now) {
		out.States = append(out.States, statusView{Text: "Waits for a second operator", Tone: "warn"})
	}
}

func (out *row) addClosed(a *approval.Approval, now time.Time) {
	out.setAge(a.ClosedAt, now, "Closed", "\u00a0ago")
	out.DecidedBy = decidedBy(a)
	out.States = append(out.States, describeStatus(a, now))
	c := a.Callback
	switch c.State {
	case approval.CallbackNone, approval.CallbackDelivered, approval.CallbackSuperseded:
		return
	case approval.CallbackExhausted:
		out.Reason = encodePart([]byte(c.ReasonCode()))
		out.Code = untrusted.MultiLine(string(c.ReasonCode()))
		out.Expired = isTaskExpired(a, now)
	}
	state := describeCallback(c)
	state.Text = "Callback: " + state.Text
	state.Error = untrusted.MultiLine(c.LastError)
	out.States = append(out.States, state)
	out.Attempts = c.Attempts
}

// decidedBy returns the people and programs with votes that count, or the empty text without a vote.
func decidedBy(a *approval.Approval) string {
	var names []string
	for _, v := range a.Votes {
		if !v.Void {
			names = append(names, actorName(v.By, v.Principal, v.Claimed))
		}
	}
	if len(names) > shownApprovers {
		names = append(names[:shownApprovers], "others")
	}
	return strings.Join(names, ", ")
}

// newDamagedRow returns the row of an order with a record that cannot be read.
func newDamagedRow(o *approval.Order) row {
	out := bareRow(o, "The record of this order cannot be read")
	out.States = []statusView{{Text: "Damaged record", Tone: "bad"}}
	return out
}

// bareRow returns the row of an order without an approval.
func bareRow(o *approval.Order, title string) row {
	return row{OrderID: untrusted.MultiLine(o.ID), Href: orderPath(o.ID), Title: title}
}

func isTaskExpired(a *approval.Approval, now time.Time) bool {
	return !a.TaskExpires.IsZero() && a.TaskExpires.Before(now)
}

// orderPath returns the path of an order's page. The ID may contain any character.
func orderPath(id string) string { return "order?" + url.Values{"id": {id}}.Encode() }
