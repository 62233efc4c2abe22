package signin

import (
	"cmp"
	"net/http"

	"github.com/approval-relay/approval-relay/refusal"
)

// refused is the error of a sign-in that is refused for good. It names claims, and never their values.
type refused struct {
	code   refusal.Code
	field  string // the claim or parameter at fault
	detail string // for the operator
	reason string // for the person, in the catalogue: "You cannot, because …"
	remedy string // the next step of the person, in the catalogue
}

// Error returns the text for the operator.
func (r *refused) Error() string { return r.detail }

// showRefused answers a person whose sign-in is refused, and records the reason for the operator.
func (h *Handler) showRefused(w http.ResponseWriter, r *http.Request, why *refused) {
	h.record(r, why, http.StatusForbidden)
	words := h.wordsFor(r)
	h.showTexts(w, r, http.StatusForbidden, words.Text("signin.heading.refused"),
		words.Text("signin.lead.refused", "reason", words.Text(why.reason), "remedy", cmp.Or(h.audience.remedy, words.Text(why.remedy))))
}

// record records a refusal for the operator.
func (h *Handler) record(r *http.Request, why *refused, status int) {
	h.Refusals.RecordRefusal(r.Context(), refusal.Refusal{
		Time:   h.Now(),
		Source: refusal.SourceSignIn,
		Code:   why.code,
		Field:  why.field,
		Detail: why.detail,
		Status: status,
	})
}
