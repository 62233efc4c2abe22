package signin

import (
	"net/http"

	"github.com/approval-relay/approval-relay/refusal"
)

// askOperators is the remedy where the person can do nothing: trying again does not help.
const askOperators = "Trying again does not help. Please tell the people who operate this service: their list of " +
	"refusals has the reason."

// openAgain is the remedy where a new attempt may succeed.
const openAgain = "Please open the link from the message again. If that does not help, tell the people who operate " +
	"this service: their list of refusals has the reason."

// refused is the error of a sign-in that is refused for good. It names claims, and never their values.
type refused struct {
	code   refusal.Code
	field  string // the claim or parameter at fault
	detail string // for the operator
	reason string // for the person: "You cannot, because …"
	remedy string // what the person can do
}

// Error returns the text for the operator.
func (r *refused) Error() string { return r.detail }

// showRefused answers a person whose sign-in is refused, and records the reason for the operator.
func (h *Handler) showRefused(w http.ResponseWriter, r *http.Request, why *refused) {
	h.record(r, why, http.StatusForbidden)
	h.showMessage(w, r, http.StatusForbidden, "You cannot sign in here", "You cannot, because "+why.reason+". "+why.remedy)
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
