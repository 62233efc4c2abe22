package console

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// Refused lists the refusals of this worker since its start, see recent.List.
type Refused interface {
	Since() time.Time
	Sources() []string
	Entries(q recent.Query) []recent.Entry
	OpenBody(id, operator string) (recent.Entry, []byte, bool)
}

// shownRefused is the number of entries on the page.
const shownRefused = 200

// refusedPage lists refusals, the last one first.
type refusedPage struct {
	frame
	Since    look.Moment
	Sources  []optionView
	Reasons  []optionView
	Filtered bool
	Rows     []refusedView
	Full     bool // there are more than the page shows
}

// optionView is a choice of the filter.
type optionView struct {
	Value    string
	Selected bool
}

type refusedView struct {
	ID        string
	Last      look.Moment
	First     look.Moment
	Count     int
	Source    string
	Reason    string
	Field     string
	Detail    string
	Advice    string
	Answer    string
	Size      string
	Remote    string
	Principal string
	Route     string
	Body      string // nonce of the form that opens the body, or empty
}

func (c *Console) showRefused(w http.ResponseWriter, r *http.Request, s session) {
	q := r.URL.Query()
	source, reason := q.Get("source"), q.Get("reason")
	entries := c.Refused.Entries(recent.Query{
		Source:   source,
		Code:     refusal.Code(reason),
		Limit:    shownRefused + 1,
		Includes: s.seesSource,
	})
	now := c.Now()
	p := refusedPage{
		frame:    c.newFrame(r, s, "refused", "Refused lately"),
		Since:    look.NewMoment(c.Refused.Since(), now),
		Sources:  options(slices.DeleteFunc(c.Refused.Sources(), func(name string) bool { return !s.seesSource(name) }), source),
		Filtered: source != "" || reason != "",
		Full:     len(entries) > shownRefused,
	}
	var codes []string
	for _, code := range refusal.Codes() {
		codes = append(codes, string(code))
	}
	p.Reasons = options(codes, reason)
	for _, e := range entries[:min(len(entries), shownRefused)] {
		row := newRefusedView(e, now)
		if e.HasBody && s.mayOpenRefused() {
			row.Body = c.formNonce(s, formBody, e.ID)
		}
		p.Rows = append(p.Rows, row)
	}
	c.writePage(w, r, http.StatusOK, "refused.html", p)
}

// options returns the choices of a filter. A selected value that is no choice is added, so that the form shows it.
func options(values []string, selected string) []optionView {
	if selected != "" && !slices.Contains(values, selected) {
		values = append(slices.Clone(values), selected)
	}
	var out []optionView
	for _, v := range values {
		out = append(out, optionView{untrusted.SingleLine(v), v == selected})
	}
	return out
}

func newRefusedView(e recent.Entry, now time.Time) refusedView {
	v := refusedView{
		ID:        e.ID,
		Last:      look.NewMoment(e.Time, now),
		First:     look.NewMoment(e.First, now),
		Count:     e.Count,
		Source:    e.Source,
		Reason:    string(e.Code),
		Field:     e.Field,
		Detail:    e.Detail,
		Advice:    adviceFor(e),
		Size:      formatNumber(e.Size) + " bytes",
		Remote:    e.Remote,
		Principal: e.Principal,
		Route:     e.Route,
		Answer:    "dead letter",
	}
	switch {
	case e.Status != 0:
		v.Answer = fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	case e.Remote != "":
		v.Answer = "no request"
	}
	return v
}

// refusedBodyPage shows the body of a refused request.
type refusedBodyPage struct {
	frame
	Row  refusedView
	Text string
	Note string
}

// openRefusedBody shows the body of an entry. It is a POST, because the log keeps who looked.
func (c *Console) openRefusedBody(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "id", "nonce")
	if !ok {
		return
	}
	if !c.verifyNonce(sent["nonce"], s, formBody, sent["id"]) {
		c.refuse(w, r, s, staleForm)
		return
	}
	if !s.mayOpenRefused() {
		c.refuse(w, r, s, notAllowed(s, role.Audit))
		return
	}
	entry, body, ok := c.Refused.OpenBody(sent["id"], "operator:"+s.Name)
	if !ok {
		c.refuse(w, r, s, bodyGone)
		return
	}
	p := refusedBodyPage{
		frame: c.newFrame(r, s, "refused", "Body of a refused request"),
		Row:   newRefusedView(entry, c.Now()),
		Text:  untrusted.MultiLine(string(body)),
	}
	if !utf8.Valid(body) {
		p.Text = base64.StdEncoding.EncodeToString(body)
		p.Note = "The body is no text, so it is shown in base64."
	}
	if entry.Size > len(body) {
		p.Note += fmt.Sprintf(" Only the first %s of %s bytes were kept.", formatNumber(len(body)), formatNumber(entry.Size))
	}
	c.writePage(w, r, http.StatusOK, "refused_body.html", p)
}
