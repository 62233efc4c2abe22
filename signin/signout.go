package signin

import (
	"net/http"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/session"
)

// SignOut ends the session of an approver: GET …/signin/out shows a form, POST …/signin/out signs out. A copy of the
// cookie is worthless from then on. The account at the provider stays signed in, and the next sign-in asks which account
// to use.
func (h *Handler) SignOut(w http.ResponseWriter, r *http.Request) {
	s, signedIn := h.readSession(r)
	if r.Method != http.MethodPost {
		if !signedIn || h.ShowSignOut == nil {
			h.showMessage(w, r, http.StatusOK, "not_signed_in")
			return
		}
		h.ShowSignOut(w, r, s.Approver)
		return
	}
	if h.crossOrigin.Check(r) != nil {
		h.record(r, &refused{
			code:   refusal.Forbidden,
			field:  "Origin",
			detail: "the form to sign out was sent by another site",
		}, http.StatusForbidden)
		h.showMessage(w, r, http.StatusForbidden, "other_site")
		return
	}
	if signedIn {
		h.Ended.End(s.ID, s.Expires, h.Now())
		h.Log.InfoContext(r.Context(), "approver signed out", "approver", s.Approver)
	}
	h.deleteCookie(w, sessionCookie)
	h.cookie(signedOutCookie).Set(w, "1", int(signedOutTTL.Seconds()))
	session.ClearCache(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	h.showMessage(w, r, http.StatusOK, "signed_out")
}

// hasSignedOut reports whether somebody signed out in this browser, and nobody signed in since.
func (h *Handler) hasSignedOut(r *http.Request) bool {
	_, ok := h.cookie(signedOutCookie).Value(r)
	return ok
}
