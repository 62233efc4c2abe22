package signin

import (
	"net/http"
	"net/url"

	"github.com/approval-relay/approval-relay/refusal"
)

// maxCallbackForm bounds the form of a provider, in bytes. Apple's form has the person's name too.
const maxCallbackForm = 16 << 10

// redirectForm turns the form of a provider (response_mode=form_post) into the redirect that other providers make. The
// form comes from the provider's site, so the browser does not send our cookie with it (SameSite), but it does with the
// redirect.
func (h *Handler) redirectForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxCallbackForm)
	if h.Settings.ResponseMode != modeFormPost || r.ParseForm() != nil {
		h.record(r, &refused{
			code:  refusal.Method,
			field: "response_mode",
			detail: "a form came to the redirect URI: either " + h.audience.settings + "response_mode is not form_post, " +
				"or the form cannot be read",
		}, http.StatusBadRequest)
		h.showMessage(w, r, http.StatusBadRequest, "bad_answer")
		return
	}
	query := url.Values{}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if value := r.PostForm.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, h.redirectURI().String()+"?"+query.Encode(), http.StatusSeeOther)
}
