package console

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Redriver restarts exhausted callbacks and dead letters, or counts them.
type Redriver interface {
	Redrive(ctx context.Context, request store.RedriveRequest) store.RedriveReport
}

const (
	// maxRedrive bounds one redrive.
	maxRedrive = 1000
	// confirmWithin is how long a dry run may be confirmed.
	confirmWithin = 15 * time.Minute
)

// redrivePage is what a dry run found, with the form that confirms it; or what
// became of a redrive.
type redrivePage struct {
	frame
	What    string // of which reason or order
	OrderID string
	Href    string // of the order
	Found   []foundView
	Total   int
	Would   int // be redriven
	Report  store.RedriveReport
	Errors  []string
	Confirm *confirmForm
	Done    bool
}

type foundView struct {
	Reason string
	Count  int
}

// confirmForm carries what was shown.
type confirmForm struct {
	Reason, Order, Shown, At, Nonce string

	Max int
}

// redrive shows what a redrive would do, and does it when that is confirmed.
func (c *Console) redrive(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.read(w, r, s, "act", "reason", "order", "shown", "max", "at", "nonce")
	if !ok {
		return
	}
	reason, ok1 := decode(sent["reason"], 1)
	order, ok2 := decode(sent["order"], 1)
	if !ok1 || !ok2 || (sent["act"] != "look" && sent["act"] != "redrive") {
		c.unreadable(w, r, s)
		return
	}
	what := store.RedriveRequest{
		Reason:  string(reason[0]),
		OrderID: string(order[0]),
		By:      s.Name,
		Max:     maxRedrive,
		DryRun:  true,
	}
	if sent["act"] == "look" {
		if !c.proves(sent["nonce"], s, "look") {
			c.stale(w, r, s)
			return
		}
		c.lookAt(w, r, s, what, http.StatusOK, "")
		return
	}
	if !c.proves(sent["nonce"], s, "redrive", what.Reason, what.OrderID, sent["shown"], sent["max"], sent["at"]) || !c.recent(sent["at"]) {
		c.stale(w, r, s)
		return
	}
	c.confirmed(w, r, s, what, sent)
}

// recent says whether a dry run of that time may still be confirmed.
func (c *Console) recent(at string) bool {
	n, err := strconv.ParseInt(at, 10, 64)
	return err == nil && c.Now().Before(time.Unix(n, 0).Add(confirmWithin))
}

// confirmed redrives what a dry run has shown: as many at most, and of no reason
// that was not shown.
func (c *Console) confirmed(w http.ResponseWriter, r *http.Request, s session, what store.RedriveRequest, sent map[string]string) {
	if what.Reason == "" {
		shown := strings.Split(sent["shown"], ",")
		for reason := range c.Redriver.Redrive(r.Context(), what).Found {
			if !slices.Contains(shown, mark(reason)) {
				c.lookAt(w, r, s, what, http.StatusConflict, "Nothing was redriven: something else has been given up meanwhile. Please look again.")
				return
			}
		}
	}
	most, err := strconv.Atoi(sent["max"])
	if err != nil { // we wrote it
		c.unreadable(w, r, s)
		return
	}
	what.DryRun, what.Max = false, most
	p := c.redrivePage(r, s, what, c.Redriver.Redrive(r.Context(), what))
	p.Heading, p.Title, p.Done = "Redriven", "Redriven", true
	c.write(w, r, http.StatusOK, "redrive.html", p)
}

// lookAt shows a dry run.
func (c *Console) lookAt(w http.ResponseWriter, r *http.Request, s session, what store.RedriveRequest, status int, notice string) {
	report := c.Redriver.Redrive(r.Context(), what)
	p := c.redrivePage(r, s, what, report)
	p.Notice = notice
	if p.Would > 0 {
		var shown []string
		for _, reason := range slices.Sorted(maps.Keys(report.Found)) {
			shown = append(shown, mark(reason))
		}
		f := confirmForm{
			Reason: encode([]byte(what.Reason)), Order: encode([]byte(what.OrderID)), Shown: strings.Join(shown, ","),
			At: strconv.FormatInt(c.Now().Unix(), 10), Max: p.Would,
		}
		f.Nonce = c.nonce(s, "redrive", what.Reason, what.OrderID, f.Shown, strconv.Itoa(f.Max), f.At)
		p.Confirm = &f
	}
	c.write(w, r, status, "redrive.html", p)
}

func (c *Console) redrivePage(r *http.Request, s session, what store.RedriveRequest, report store.RedriveReport) redrivePage {
	p := redrivePage{
		frame:   c.frame(r, s, "letters", "Dry run"),
		What:    untrusted.MultiLine(what.Reason),
		OrderID: untrusted.MultiLine(what.OrderID),
		Report:  report,
	}
	if what.OrderID != "" {
		p.Href, p.Page = orderPath(what.OrderID), ""
	}
	for _, reason := range slices.Sorted(maps.Keys(report.Found)) {
		p.Found = append(p.Found, foundView{untrusted.MultiLine(reason), report.Found[reason]})
		p.Total += report.Found[reason]
	}
	slices.SortStableFunc(p.Found, func(a, b foundView) int { return cmp.Compare(b.Count, a.Count) })
	p.Would = min(max(p.Total-report.Guarded, 0), maxRedrive)
	for _, e := range report.Errors {
		p.Errors = append(p.Errors, untrusted.MultiLine(e))
	}
	return p
}

// mark is a reason as the form says that it was shown.
func mark(reason string) string {
	sum := sha256.Sum256([]byte(reason))
	return encode(sum[:9])
}
