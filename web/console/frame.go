package console

import (
	"fmt"
	"net/http"

	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// frame is the data of the common parts of every page: title, menu, search and sign-out.
type frame struct {
	Page     string // entry of the menu
	Title    string
	Heading  string
	Notice   string // the fault of the last form
	Operator string // the signed-in operator; if empty, the page has no menu
	SignOut  string // nonce
	Finder   bool   // the page has the form that finds an order
	Find     string // path of the page with that form, if this page does not have it
	Query    string // the text that was searched for
	Now      look.Moment
	Clock    string
	Self     string // path to reload the page, or empty

	// Refreshes is the number of seconds until the page loads itself again; empty means that it does not. Refresh is
	// the path that switches this off or on; empty means that the page never does.
	Refreshes string
	Refresh   string

	Pending     string // count, or empty if it could not be read
	Attention   string // the same
	DeadLetters string // the same
	// HasControls is set if workflows can be drained and paused. Controls is the number of controls in force.
	HasControls bool
	Controls    string

	stats     *store.Stats // nil if the counts could not be read
	hasTotals bool         // the counts of all workflows together may be shown
}

// newFrame returns the frame of a page. If the counts cannot be read, it leaves them out: during an outage the
// operator needs the rest of the page.
func (c *Console) newFrame(r *http.Request, s session, page, heading string) frame {
	now := c.Now()
	f := frame{
		Page:     page,
		Title:    heading,
		Heading:  heading,
		Operator: untrusted.MultiLine(s.Name),
		Now:      look.NewMoment(now, now),
		Clock:    now.UTC().Format("15:04:05 MST"),
	}
	if s.ID == "" {
		return f
	}
	if r.Method != http.MethodPost {
		f.Self = "?" + r.URL.Query().Encode()
	}
	f.Finder = true
	if c.Controls != nil {
		f.HasControls = true
		f.Controls = formatNumber(len(c.visibleControls(s)))
	}
	f.SignOut = c.formNonce(s, formSignOut)
	stats, err := c.Counter.Stats(role.WithScope(r.Context(), s.grants.Scope(role.Read)))
	if err != nil {
		c.Log.WarnContext(r.Context(), "console cannot count", "error", err)
		return f
	}
	f.stats = &stats
	f.Pending = formatNumber(countPending(&stats))
	if f.hasTotals = s.seesAll(); !f.hasTotals { // the other counts are of all workflows together
		return f
	}
	f.Attention = formatNumber(countAttention(&stats))
	queued, isPart := c.queueLetters.read(r.Context(), c.DeadLetters, c.Now())
	f.DeadLetters = formatNumber(stats.DeadLetters + queued)
	if isPart {
		f.DeadLetters += "+"
	}
	return f
}

// setHeading sets the title and the heading of a page.
func (f *frame) setHeading(text string) {
	f.Title = text
	f.Heading = text
}

// writePage sends a page. The answer to HEAD has the same headers without a body.
func (c *Console) writePage(w http.ResponseWriter, r *http.Request, status int, template string, data any) {
	body, err := c.look.Render(template, data)
	if err != nil {
		c.Log.ErrorContext(r.Context(), "console page cannot be rendered", "page", template, "error", err)
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "10")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
