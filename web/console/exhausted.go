package console

import (
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

func (c *Console) showExhausted(w http.ResponseWriter, r *http.Request, s session) {
	orders, next, ok := c.readList(w, r, s, store.OrderQuery{State: store.StateExhausted})
	if !ok {
		return
	}
	p := c.newListPage(r, s, "exhausted", "Exhausted callbacks", next)
	now := c.Now()
	for _, o := range orders {
		for _, a := range o.Approvals {
			if a.Callback.State == approval.CallbackExhausted {
				p.Rows = append(p.Rows, newExhaustedRow(o, a, now))
			}
		}
		p.addUnreadable(o)
	}
	p.DryRun = c.dryRunNonce(s)
	c.writePage(w, r, http.StatusOK, "exhausted.html", p)
}

func newExhaustedRow(o *approval.Order, a *approval.Approval, now time.Time) row {
	out := newRow(o, a, a.Callback.EndedAt, now)
	out.Status = describeStatus(a, now)
	out.Attempts = a.Callback.Attempts
	out.Error = untrusted.MultiLine(a.Callback.LastError)
	out.Code = untrusted.MultiLine(string(a.Callback.ReasonCode()))
	out.Reason = encodePart([]byte(a.Callback.ReasonCode()))
	out.Expired = isTaskExpired(a, now)
	return out
}

func isTaskExpired(a *approval.Approval, now time.Time) bool {
	return !a.TaskExpires.IsZero() && a.TaskExpires.Before(now)
}
