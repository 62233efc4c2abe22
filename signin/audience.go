package signin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/approval-relay/approval-relay/refusal"
)

// audience has the differences between the sign-in of approvers and that of operators. They have cookies of different names,
// and the names are the purposes of the signatures: a sign-in that was begun for one cannot end as one for the other.
type audience struct {
	settings string   // path in the configuration, as texts for the operator name it
	redirect []string // path of the redirect URI below the base
	pending  string   // name of the cookie of a sign-in under way
	remedy   string   // the next step after a refusal; empty for the texts of the catalogue
}

var (
	approvers = audience{
		settings: "public.oidc.",
		redirect: []string{"signin", "callback"},
		pending:  pendingCookie,
	}
	operators = audience{
		settings: "operator.oidc.",
		redirect: []string{"console", "oidc-callback"},
		pending:  "approval_relay_operator_signin",
		remedy:   "Please begin again at the console. If that does not help: the log and the list of refusals have the reason.",
	}
)

func (h *Handler) redirectURI() *url.URL { return h.Base.JoinPath(h.audience.redirect...) }

// Operators lets operators sign in to the console. It has no sessions: the console has them.
type Operators struct {
	handler *Handler
	// rolesClaim is the claim with the groups or roles of a person.
	rolesClaim string
}

// NewOperators returns the sign-in of operators. Base is the URL of the operator's address; the provider must accept
// BASE/console/oidc-callback as a redirect URI.
func NewOperators(c Config, rolesClaim string) (*Operators, error) {
	h, err := newHandler(c, operators)
	return &Operators{handler: h, rolesClaim: rolesClaim}, err
}

// SetMessages sets the function that answers a browser with a page when signing in cannot go on.
func (o *Operators) SetMessages(show func(w http.ResponseWriter, r *http.Request, status int, heading, lead string)) {
	o.handler.ShowMessage = show
}

// Fingerprint returns a digest of the settings under which people sign in. A name and the values of the claim with the
// roles are worth something only together with them.
func (o *Operators) Fingerprint() string { return o.handler.Settings.fingerprint(o.rolesClaim) }

// Start redirects a browser to the provider. Next comes back from Complete. The provider asks for the account, because
// several operators may share a browser.
func (o *Operators) Start(w http.ResponseWriter, r *http.Request, next string) {
	o.handler.start(w, r, next, true)
}

// Complete takes the redirect back from the provider, and returns the name of the person and the values of the claim
// with the roles. If it returns false, it has answered the browser.
func (o *Operators) Complete(w http.ResponseWriter, r *http.Request) (name string, values []string, next string, ok bool) {
	h := o.handler
	if r.Method == http.MethodPost {
		h.redirectForm(w, r)
		return "", nil, "", false
	}
	found, p, ok := h.complete(w, r)
	if !ok {
		return "", nil, "", false
	}
	name, err := h.approverID(found)
	if err == nil {
		values, err = o.readRoles(found)
	}
	if !h.isRead(w, r, err) {
		return "", nil, "", false
	}
	h.deleteCookie(w, h.audience.pending)
	return name, values, p.Token, true
}

// readRoles returns the values of the claim with the roles: a text or a list of texts.
func (o *Operators) readRoles(c claims) ([]string, error) {
	value, found := c.find(o.rolesClaim)
	if !found {
		return nil, &refused{
			code:  refusal.Missing,
			field: o.rolesClaim,
			detail: fmt.Sprintf("the ID token has no claim %q (%sroles_claim); it has: %s", o.rolesClaim,
				o.handler.audience.settings, c.names()),
			reason: "signin.reason.wrong_account",
			remedy: "signin.remedy.tell_operators",
		}
	}
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var texts []string
	for _, item := range list {
		if text := scalarText(item); text != "" {
			texts = append(texts, text)
		}
	}
	return slices.Compact(texts), nil
}
