package console

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// urgentTime is the remaining time below which a deadline is highlighted.
const urgentTime = time.Hour

// shownApprovers is the number of approvers that a row names.
const shownApprovers = 3

type workflowView struct{ Name, Pending, Oldest string }

func (c *Console) showPending(w http.ResponseWriter, r *http.Request, s session) {
	orders, next, ok := c.readList(w, r, s, store.OrderQuery{ByAge: true})
	if !ok {
		return
	}
	p := c.newListPage(r, s, "console", "Pending approvals", next)
	now := c.Now()
	for _, o := range orders {
		for _, a := range o.Approvals {
			if a.Status == approval.Pending {
				p.Rows = append(p.Rows, newPendingRow(o, a, now))
			}
		}
		p.addUnreadable(o)
	}
	stats, err := c.Counter.Stats(r.Context())
	if err != nil { // newFrame has logged it
		stats = store.Stats{}
	}
	for _, name := range slices.Sorted(maps.Keys(stats.Workflows)) {
		counts := stats.Workflows[name]
		p.Workflows = append(p.Workflows, workflowView{
			Name:    untrusted.MultiLine(name),
			Pending: formatNumber(counts.Pending),
			Oldest:  formatAge(counts.Oldest, now),
		})
	}
	c.writePage(w, r, http.StatusOK, "pending.html", p)
}

func newRow(o *approval.Order, a *approval.Approval, since, now time.Time) row {
	return row{
		OrderID:  untrusted.MultiLine(o.ID),
		Href:     orderPath(o.ID),
		Title:    untrusted.MultiLine(a.Title),
		Workflow: untrusted.MultiLine(a.Workflow),
		Step:     untrusted.MultiLine(a.Step),
		Approval: a.ID,
		Age:      formatAge(since, now),
		Since:    look.NewMoment(since, now),
	}
}

func newPendingRow(o *approval.Order, a *approval.Approval, now time.Time) row {
	out := newRow(o, a, a.RequestedAt, now)
	out.Deadline = look.NewMoment(a.Deadline, now)
	out.Urgent = a.Deadline.Sub(now) < urgentTime
	out.Notified = describeNotifications(a)
	out.Asked = openApprovers(a)
	return out
}

// openApprovers lists the approvers who have not voted.
func openApprovers(a *approval.Approval) (out nameList) {
	for _, p := range a.Approvers {
		switch {
		case hasVoted(a, p.ID):
		case len(out.Names) == shownApprovers:
			out.More++
		default:
			out.Names = append(out.Names, untrusted.MultiLine(p.ID))
		}
	}
	return out
}

func hasVoted(a *approval.Approval, id string) bool {
	return slices.ContainsFunc(a.Votes, func(v approval.Vote) bool { return !v.Void && approval.SamePerson(v.By, id) })
}

// textUndeliverable is the status of an approval with no notification that was or will be sent.
const textUndeliverable = "Undeliverable"

// describeNotifications returns how far the approvers are notified.
func describeNotifications(a *approval.Approval) statusView {
	var sent, pending, exhausted int
	var failing *approval.Notification
	for _, n := range a.Notifications {
		switch {
		case n.Kind == approval.NotifyOutcome, n.Kind == approval.NotifyUpdate, n.Kind == approval.NotifyEvent:
		case n.State == approval.NotificationSent:
			sent++
		case n.State == approval.NotificationExhausted:
			exhausted++
			failing = n
		case n.State == approval.NotificationPending:
			pending++
			if n.LastError != "" {
				failing = n
			}
		}
	}
	out := statusView{Text: "Notified", Tone: "good"}
	if failing != nil {
		out.Error = untrusted.MultiLine(failing.Channel + ": " + failing.LastError)
	}
	switch {
	case a.Undeliverable, sent == 0 && pending == 0 && exhausted > 0:
		out.Text, out.Tone = textUndeliverable, "bad"
	case sent == 0 && pending == 0:
		out.Text, out.Tone = "No notification", "closed"
	case sent == 0 && failing != nil:
		out.Text, out.Tone = "Not notified yet, failing", "bad"
	case sent == 0:
		out.Text, out.Tone = "Being notified", "open"
	case failing != nil:
		out.Text, out.Tone = "Notified, some failing", "warn"
	}
	return out
}
