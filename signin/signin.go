// Package signin lets approvers sign in at an OpenID Connect provider. A decision then rests on the identity that the
// provider confirms, and not only on a link: links can be forwarded. The package stores nothing: a signed cookie
// holds the session.
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/setup"
)

// MAC authenticates messages with keys that rotate, see package keys.
type MAC interface {
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// Config configures a Handler. All fields but Client, ShowMessage and Refusals are required.
type Config struct {
	Settings Settings
	// Base is our public URL. The provider must accept BASE/signin/callback as a redirect URI.
	Base   *url.URL
	MAC    MAC
	Client *http.Client // nil means a client with a time limit
	// ShowMessage answers a browser with a page when signing in cannot go on. Nil means a line of plain text.
	ShowMessage func(w http.ResponseWriter, r *http.Request, status int, heading, lead string)
	Now         func() time.Time
	Log         *slog.Logger
	// Refusals records the sign-ins that are refused; nil records nothing.
	Refusals refusal.Recorder
}

// Handler signs approvers in. It serves two routes: StartSignIn and CompleteSignIn.
type Handler struct {
	Config

	mu        sync.Mutex
	found     *oidc.Provider // nil until the discovery document was read
	lookupErr error          // why the last lookup failed
	retryAt   time.Time      // earliest time of the next lookup
}

// New returns a Handler, or an error that joins all faults of the provider's settings. It does not call the provider,
// because the provider may be down when the program starts; FindProvider does.
func New(c Config) (*Handler, error) {
	c.Settings.SetDefaults(setup.Common{})
	var faults []error
	c.Settings.Validate(setup.NewCheck("", func(field string, _ setup.Severity, message string) {
		faults = append(faults, &setup.FieldError{Field: field, Message: message})
	}))
	if c.Client == nil {
		c.Client = newClient()
	}
	c.Refusals = refusal.OrDiscard(c.Refusals)
	return &Handler{Config: c}, errors.Join(faults...)
}

// newClient returns the default HTTP client. Its time limit ends calls to a provider that accepts a connection and
// never answers.
func newClient() *http.Client { return &http.Client{Timeout: lookupTimeout} }

// StartSignIn redirects the holder of a link to the provider: GET …/signin/{token}.
func (h *Handler) StartSignIn(w http.ResponseWriter, r *http.Request) {
	oauth, _, err := h.endpoints(r.Context())
	if err != nil {
		h.showFailure(w, r, err)
		return
	}
	p := pendingSignIn{
		State:    oauth2.GenerateVerifier(),
		Nonce:    oauth2.GenerateVerifier(),
		Verifier: oauth2.GenerateVerifier(),
		Token:    r.PathValue("token"),
		Expires:  h.Now().Add(pendingTTL),
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier)}
	if _, signedIn := h.SignedInApprover(r); signedIn {
		// The approver signed in with the wrong account. Unless prompted, the provider would choose that account
		// again.
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	h.setCookie(w, pendingCookie, p, pendingTTL)
	http.Redirect(w, r, oauth.AuthCodeURL(p.State, options...), http.StatusSeeOther)
}

// CompleteSignIn takes the redirect back from the provider, starts a session and redirects the approver to the link:
// GET …/signin/callback.
func (h *Handler) CompleteSignIn(w http.ResponseWriter, r *http.Request) {
	var p pendingSignIn
	q := r.URL.Query()
	if !h.readCookie(r, pendingCookie, &p) || !p.Expires.After(h.Now()) || q.Get("state") != p.State {
		h.showMessage(w, r, http.StatusBadRequest, "Signing in took too long",
			"Or it was started in another browser. Please open the link from the message again.")
		return
	}
	if q.Get("error") != "" {
		h.showMessage(w, r, http.StatusForbidden, "You were not signed in",
			"Please open the link from the message again.")
		return
	}
	id, err := h.exchangeCode(r.Context(), q.Get("code"), p)
	if refused, ok := errors.AsType[*identityError](err); ok {
		h.showMessage(w, r, http.StatusForbidden, "You cannot sign in here", "You cannot, because "+refused.reason+".")
		return
	}
	if err != nil {
		h.showFailure(w, r, err)
		return
	}
	h.setCookie(w, pendingCookie, pendingSignIn{}, -time.Second)
	h.setCookie(w, sessionCookie, session{ID: id, Expires: h.Now().Add(SessionTTL)}, SessionTTL)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, h.Base.JoinPath("a", url.PathEscape(p.Token)).String(), http.StatusSeeOther)
}

// exchangeCode redeems the code that the provider sent and returns the approver's ID.
func (h *Handler) exchangeCode(ctx context.Context, code string, p pendingSignIn) (string, error) {
	oauth, verifier, err := h.endpoints(ctx)
	if err != nil {
		return "", err
	}
	ctx = oidc.ClientContext(ctx, h.Client)
	token, err := oauth.Exchange(ctx, code, oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return "", exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errors.New("the provider sent no ID token")
	}
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("verify the ID token: %w", err)
	}
	if id.Nonce != p.Nonce {
		return "", &identityError{"the provider answered the sign-in of somebody else"}
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return "", fmt.Errorf("read the ID token: %w", err)
	}
	return h.approverID(claims)
}

// exchangeError describes a failed exchange by its error code. The text of err is left out, because it may quote the
// code or the client secret.
func exchangeError(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		switch refused.ErrorCode {
		case "invalid_client", "unauthorized_client":
			return fmt.Errorf("%w: the provider refused client_id or client_secret", ErrMisconfigured)
		}
		return errors.New("the provider refused the authorization code")
	}
	return errors.New("the authorization code could not be exchanged")
}

// showFailure answers an approver when signing in failed for a reason outside the approver's control. A wrong
// configuration is told apart from an outage: only an outage passes by itself.
func (h *Handler) showFailure(w http.ResponseWriter, r *http.Request, err error) {
	if _, logged := errors.AsType[*lookupError](err); !logged {
		h.Log.WarnContext(r.Context(), "sign-in failed", "error", err)
	}
	if errors.Is(err, ErrMisconfigured) {
		h.showMessage(w, r, http.StatusInternalServerError, "Signing in is not set up correctly",
			"Trying again does not help. Please tell the people who operate this service: their log names the wrong setting.")
		return
	}
	w.Header().Set("Retry-After", "10")
	h.showMessage(w, r, http.StatusServiceUnavailable, "Signing in does not work right now",
		"Please open the link from the message again in a minute. If it still does not work then, please tell the "+
			"people who operate this service.")
}

func (h *Handler) showMessage(w http.ResponseWriter, r *http.Request, status int, heading, lead string) {
	if h.ShowMessage == nil {
		http.Error(w, heading+". "+lead, status)
		return
	}
	h.ShowMessage(w, r, status, heading, lead)
}
