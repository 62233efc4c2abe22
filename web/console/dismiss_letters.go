package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// dismissPage asks whether dead letters are to be removed for good, or shows the result.
type dismissPage struct {
	frame
	Letters []string // IDs of the chosen dead letters
	Code    string   // or the reason code of all
	Reason  string
	Confirm *dismissForm // nil in the result
	Report  store.DismissalReport
	Errors  []string
}

// dismissForm confirms a dismissal.
type dismissForm struct {
	Letters string // keys, joined
	Code    string // encoded
	Why     string // the reason, encoded: a browser changes the ends of lines
	Nonce   string
}

// The forms of a dismissal.
const (
	actionLook    = "look"
	actionAll     = "all"
	actionDismiss = "dismiss"
)

// handleLetters looks at the dead letters that an operator has chosen, and removes them after a confirmation.
func (c *Console) handleLetters(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "act", "letters", "reason_code", "reason", "why", "nonce")
	if !ok {
		return
	}
	code, ok := decodeText(sent["reason_code"])
	if !ok {
		c.refuse(w, r, s, unreadable)
		return
	}
	d := store.Dismissal{
		ReasonCode: approval.ReasonCode(code),
		By:         s.Name,
		Reason:     strings.TrimSpace(untrusted.MultiLine(sent["reason"])),
	}
	keys := sent["letters"]
	switch sent["act"] {
	case actionDismiss:
		if d.Reason, ok = decodeText(sent["why"]); !ok {
			c.refuse(w, r, s, unreadable)
			return
		}
	case actionLook: // the chosen ones
		d.ReasonCode = ""
		keys = strings.Join(r.PostForm["letter"], ",")
	case actionAll:
		keys = ""
	}
	if !addLetterKeys(&d, keys) {
		c.refuse(w, r, s, unreadable)
		return
	}
	switch act := sent["act"]; {
	case act == actionDismiss && c.verifyNonce(sent["nonce"], s, formDismiss, keys, code, d.Reason):
		c.dismissLetters(w, r, s, d)
	case (act == actionLook || act == actionAll) && c.verifyNonce(sent["nonce"], s, formDismissLook):
		c.confirmDismissal(w, r, s, d, keys)
	default:
		c.refuse(w, r, s, staleForm)
	}
}

// addLetterKeys adds the dead letters that the keys of a form name.
func addLetterKeys(d *store.Dismissal, keys string) bool {
	if keys == "" {
		return true
	}
	for key := range strings.SplitSeq(keys, ",") {
		kind, encoded, _ := strings.Cut(key, ".")
		id, ok := decodeText(encoded)
		switch {
		case !ok || id == "":
			return false
		case kind == letterStored:
			d.IDs = append(d.IDs, id)
		case kind == letterQueued:
			d.MessageIDs = append(d.MessageIDs, id)
		default:
			return false
		}
	}
	return true
}

// confirmDismissal shows the letters that a confirmation would remove.
func (c *Console) confirmDismissal(w http.ResponseWriter, r *http.Request, s session, d store.Dismissal, keys string) {
	selected := len(d.IDs) + len(d.MessageIDs)
	if d.Reason == "" || selected == 0 && d.ReasonCode == "" {
		c.writeDeadLetters(w, r, s, store.LetterQuery{ReasonCode: d.ReasonCode},
			"Nothing was done. Please choose at least one dead letter, and give a reason; the log keeps it.")
		return
	}
	p := dismissPage{
		frame:  c.newFrame(r, s, "dead-letters", "Dismiss dead letters"),
		Code:   untrusted.MultiLine(string(d.ReasonCode)),
		Reason: d.Reason,
		Confirm: &dismissForm{
			Letters: keys,
			Code:    encodePart([]byte(d.ReasonCode)),
			Why:     encodePart([]byte(d.Reason)),
			Nonce:   c.formNonce(s, formDismiss, keys, string(d.ReasonCode), d.Reason),
		},
	}
	for _, id := range slices.Concat(d.IDs, d.MessageIDs) {
		p.Letters = append(p.Letters, untrusted.SingleLine(id))
	}
	c.writePage(w, r, http.StatusOK, "dismiss.html", p)
}

func (c *Console) dismissLetters(w http.ResponseWriter, r *http.Request, s session, d store.Dismissal) {
	report := c.DeadLetters.DismissLetters(r.Context(), d)
	c.queueLetters.forget()
	p := dismissPage{
		frame:  c.newFrame(r, s, "dead-letters", "Dismissed"),
		Code:   untrusted.MultiLine(string(d.ReasonCode)),
		Reason: d.Reason,
		Report: report,
	}
	for _, e := range report.Errors {
		p.Errors = append(p.Errors, untrusted.MultiLine(e))
	}
	c.writePage(w, r, http.StatusOK, "dismiss.html", p)
}
