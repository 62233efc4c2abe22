package console

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Redriver restarts exhausted callbacks and dead letters, or counts them.
type Redriver interface {
	Redrive(ctx context.Context, request store.RedriveRequest) store.RedriveReport
}

const (
	// maxRedrive bounds a redrive.
	maxRedrive = 1000
	// confirmWithin is how long a dry run can be confirmed.
	confirmWithin = 15 * time.Minute
)

// redrivePage shows the result of a dry run, with the form that confirms it, or the result of a redrive.
type redrivePage struct {
	frame
	Reason     string // all that is redriven has this reason code; empty means any reason
	OrderID    string // only the callback of this order is redriven; empty means any order
	Href       string // path of the order's page
	Found      []foundView
	Redrivable int // number that a confirmation redrives
	Report     store.RedriveReport
	Errors     []string
	Confirm    *confirmForm
	Done       bool // it is the result of a redrive
}

type foundView struct {
	Code    string
	Example string
	Count   int
}

// confirmForm confirms a dry run. It carries the reasons that the dry run found.
type confirmForm struct {
	Reason string // encoded
	Order  string // encoded
	Shown  string // digests of the reasons
	Max    int
	At     string // time of the dry run, Unix seconds
	Nonce  string
}

// handleRedrive shows a dry run, or redrives after its confirmation.
func (c *Console) handleRedrive(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "act", "reason", "order", "shown", "max", "at", "nonce")
	if !ok {
		return
	}
	reason, reasonOK := decodeText(sent["reason"])
	orderID, orderOK := decodeText(sent["order"])
	if !reasonOK || !orderOK {
		c.refuse(w, r, s, unreadable)
		return
	}
	request := store.RedriveRequest{
		ReasonCode: approval.ReasonCode(reason),
		OrderID:    orderID,
		By:         s.Name,
		Max:        maxRedrive,
		DryRun:     true,
	}
	switch sent["act"] {
	case formDryRun:
		if !c.verifyNonce(sent["nonce"], s, formDryRun) {
			c.refuse(w, r, s, staleForm)
			return
		}
		c.showDryRun(w, r, s, request, http.StatusOK, "")
	case formRedrive:
		values := []string{reason, orderID, sent["shown"], sent["max"], sent["at"]}
		if !c.verifyNonce(sent["nonce"], s, formRedrive, values...) || !c.isRecent(sent["at"]) {
			c.refuse(w, r, s, staleForm)
			return
		}
		c.confirmRedrive(w, r, s, request, sent)
	default:
		c.refuse(w, r, s, unreadable)
	}
}

// isRecent reports whether a dry run at a time can still be confirmed.
func (c *Console) isRecent(at string) bool {
	n, err := strconv.ParseInt(at, 10, 64)
	return err == nil && c.Now().Before(time.Unix(n, 0).Add(confirmWithin))
}

// confirmRedrive redrives at most the number that a dry run has shown. If there is a reason that was not shown, it
// shows the dry run again instead.
func (c *Console) confirmRedrive(
	w http.ResponseWriter, r *http.Request, s session, request store.RedriveRequest, sent map[string]string,
) {
	if request.ReasonCode == "" {
		shown := strings.Split(sent["shown"], ",")
		for _, group := range c.Redriver.Redrive(r.Context(), request).Found {
			if !slices.Contains(shown, reasonDigest(group.ReasonCode)) {
				c.showDryRun(w, r, s, request, http.StatusConflict,
					"Nothing was redriven: there is a new reason that the dry run did not show. Please look again.")
				return
			}
		}
	}
	limit, err := strconv.Atoi(sent["max"])
	if err != nil { // impossible, the nonce covers it
		c.refuse(w, r, s, unreadable)
		return
	}
	request.DryRun = false
	request.Max = limit
	p := c.newRedrivePage(r, s, request, c.Redriver.Redrive(r.Context(), request))
	p.setHeading("Redriven")
	p.Done = true
	c.writePage(w, r, http.StatusOK, "redrive.html", p)
}

func (c *Console) showDryRun(
	w http.ResponseWriter, r *http.Request, s session, request store.RedriveRequest, status int, notice string,
) {
	report := c.Redriver.Redrive(r.Context(), request)
	p := c.newRedrivePage(r, s, request, report)
	p.Notice = notice
	if p.Redrivable > 0 {
		var shown []string
		for _, group := range report.Found {
			shown = append(shown, reasonDigest(group.ReasonCode))
		}
		f := &confirmForm{
			Reason: encodePart([]byte(request.ReasonCode)),
			Order:  encodePart([]byte(request.OrderID)),
			Shown:  strings.Join(shown, ","),
			Max:    p.Redrivable,
			At:     strconv.FormatInt(c.Now().Unix(), 10),
		}
		f.Nonce = c.formNonce(s, formRedrive, string(request.ReasonCode), request.OrderID, f.Shown, strconv.Itoa(f.Max), f.At)
		p.Confirm = f
	}
	c.writePage(w, r, status, "redrive.html", p)
}

func (c *Console) newRedrivePage(
	r *http.Request, s session, request store.RedriveRequest, report store.RedriveReport,
) redrivePage {
	p := redrivePage{
		frame:   c.newFrame(r, s, "dead-letters", "Dry run"),
		Reason:  untrusted.MultiLine(string(request.ReasonCode)),
		OrderID: untrusted.MultiLine(request.OrderID),
		Report:  report,
	}
	if request.OrderID != "" {
		p.Href = orderPath(request.OrderID)
		p.Page = ""
	}
	for _, group := range report.Found {
		p.Found = append(p.Found, foundView{
			Code:    untrusted.MultiLine(string(group.ReasonCode)),
			Example: untrusted.MultiLine(group.Example),
			Count:   group.Count,
		})
	}
	slices.SortStableFunc(p.Found, func(a, b foundView) int { return cmp.Compare(b.Count, a.Count) })
	p.Redrivable = min(max(report.Found.Total()-report.Guarded-report.Kept, 0), maxRedrive)
	for _, e := range report.Errors {
		p.Errors = append(p.Errors, untrusted.MultiLine(e))
	}
	return p
}

// reasonDigest returns a digest of a reason code. With it, the form lists the reasons that were shown.
func reasonDigest(code approval.ReasonCode) string {
	sum := sha256.Sum256([]byte(code))
	return encodePart(sum[:9])
}
