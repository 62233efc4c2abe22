// Package signin lets approvers sign in at an OpenID Connect provider. A decision then rests on the identity that the
// provider confirms, and not only on a link: links can be forwarded. The package stores nothing: a signed cookie
// holds the session, and a list in memory has the sessions that ended before their time.
package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/session"
	"github.com/approval-relay/approval-relay/setup"
)

// MAC authenticates messages with keys that rotate, see package keys.
type MAC interface {
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// Config configures a Handler. All fields but Client, Ended, Refusals, Words, ShowMessage and ShowSignOut are
// required.
type Config struct {
	Settings Settings
	// Base is our public URL. The provider must accept BASE/signin/callback as a redirect URI.
	Base   *url.URL
	MAC    MAC
	Client *http.Client // nil means a client with a time limit
	// Ended is the list of ended sessions. It outlives the handler, so that a reload of the configuration forgets no
	// session; nil means a list of its own.
	Ended *session.Ended
	// Refusals records the sign-ins that are refused; nil records nothing.
	Refusals refusal.Recorder
	// Words returns the words for a browser; nil means English.
	Words func(r *http.Request) language.Words
	// ShowMessage answers a browser with a page when signing in cannot go on. Nil means a line of plain text.
	ShowMessage func(w http.ResponseWriter, r *http.Request, status int, heading, lead string)
	// ShowSignOut shows a signed-in person the form to sign out. Nil means that there is no such page.
	ShowSignOut func(w http.ResponseWriter, r *http.Request, person string)
	Now         func() time.Time
	Log         *slog.Logger
}

// Handler signs approvers in and out. It serves three routes: StartSignIn, CompleteSignIn and SignOut.
type Handler struct {
	Config
	audience    audience
	crossOrigin *http.CrossOriginProtection

	mu        sync.Mutex
	found     *oidc.Provider // nil until the discovery document was read
	authStyle oauth2.AuthStyle
	lookupErr error     // why the last lookup failed
	retryAt   time.Time // earliest time of the next lookup
}

// New returns a Handler, or an error that joins all faults of the provider's settings. It does not call the provider,
// because the provider may be down when the program starts; FindProvider does.
func New(c Config) (*Handler, error) { return newHandler(c, approvers) }

func newHandler(c Config, audience audience) (*Handler, error) {
	c.Settings.SetDefaults(setup.Common{})
	faults := []error{setup.FaultsOf(&c.Settings)}
	if c.Client == nil {
		c.Client = newClient()
	}
	if c.Ended == nil {
		c.Ended = new(session.Ended)
	}
	c.Refusals = refusal.OrDiscard(c.Refusals)
	h := &Handler{Config: c, audience: audience, crossOrigin: http.NewCrossOriginProtection()}
	if c.Base == nil {
		h.Base = new(url.URL)
	} else {
		faults = append(faults, h.crossOrigin.AddTrustedOrigin(c.Base.Scheme+"://"+c.Base.Host))
	}
	return h, errors.Join(faults...)
}

// newClient returns the default HTTP client. Its time limit ends calls to a provider that accepts a connection and
// never answers.
func newClient() *http.Client { return &http.Client{Timeout: lookupTimeout} }

// StartSignIn redirects the holder of a link to the provider: GET …/signin/{token}.
func (h *Handler) StartSignIn(w http.ResponseWriter, r *http.Request) {
	// The approver signed in with the wrong account, or signed out. Unless prompted, the provider would choose the same
	// account again.
	_, signedIn := h.SignedInApprover(r)
	h.start(w, r, r.PathValue("token"), signedIn || h.hasSignedOut(r))
}

// start redirects a browser to the provider. The text comes back at the end of the sign-in.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, text string, chooseAccount bool) {
	oauth, _, err := h.endpoints(r.Context())
	if err != nil {
		h.showFailure(w, r, err)
		return
	}
	p := pendingSignIn{
		State:    oauth2.GenerateVerifier(),
		Nonce:    oauth2.GenerateVerifier(),
		Verifier: oauth2.GenerateVerifier(),
		Token:    text,
		Expires:  h.Now().Add(pendingTTL),
	}
	h.setCookie(w, h.audience.pending, p, pendingTTL)
	http.Redirect(w, r, oauth.AuthCodeURL(p.State, h.authorizeOptions(p, chooseAccount)...), http.StatusSeeOther)
}

// authorizeOptions returns the parameters of the request to the provider, beside those of OAuth.
func (h *Handler) authorizeOptions(p pendingSignIn, chooseAccount bool) []oauth2.AuthCodeOption {
	options := []oauth2.AuthCodeOption{oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier)}
	if chooseAccount {
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	if h.Settings.ResponseMode == modeFormPost {
		options = append(options, oauth2.SetAuthURLParam("response_mode", modeFormPost))
	}
	if h.Settings.MaxAge > 0 {
		seconds := strconv.Itoa(int(h.Settings.MaxAge / time.Second))
		options = append(options, oauth2.SetAuthURLParam("max_age", seconds))
	}
	if len(h.Settings.ACRValues) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(h.Settings.ACRValues, " ")))
	}
	return options
}

// CompleteSignIn takes the redirect back from the provider, starts a session and redirects the approver to the link:
// GET …/signin/callback. A provider that sends people back by a form posts to the same address.
func (h *Handler) CompleteSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		h.redirectForm(w, r)
		return
	}
	found, p, ok := h.complete(w, r)
	if !ok {
		return
	}
	id, err := h.approverID(found)
	if !h.isRead(w, r, err) {
		return
	}
	h.deleteCookie(w, h.audience.pending)
	h.deleteCookie(w, signedOutCookie)
	h.startSession(w, id)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, h.Base.JoinPath("a", url.PathEscape(p.Token)).String(), http.StatusSeeOther)
}

// complete takes the redirect back from the provider, and returns the claims of the person. If it returns false, it has
// answered the browser.
func (h *Handler) complete(w http.ResponseWriter, r *http.Request) (found claims, p pendingSignIn, ok bool) {
	q := r.URL.Query()
	if !h.readCookie(r, h.audience.pending, &p) || !p.Expires.After(h.Now()) || q.Get("state") != p.State {
		h.record(r, &refused{
			code:  refusal.Mismatch,
			field: "state",
			detail: "the browser has no sign-in under way with this state: it took longer than " + pendingText +
				", or began in another browser",
		}, http.StatusBadRequest)
		h.showMessage(w, r, http.StatusBadRequest, "took_too_long")
		return nil, p, false
	}
	if q.Has("iss") && q.Get("iss") != h.Settings.Issuer { // RFC 9207
		h.showRefused(w, r, &refused{
			code:   refusal.Mismatch,
			field:  "iss",
			detail: "the parameter iss of the redirect is not " + h.audience.settings + "issuer",
			reason: "signin.reason.not_verified",
			remedy: "signin.remedy.open_again",
		})
		return nil, p, false
	}
	if q.Get("error") != "" {
		h.record(r, deniedBy(q.Get("error")), http.StatusForbidden)
		h.showMessage(w, r, http.StatusForbidden, "denied")
		return nil, p, false
	}
	found, err := h.exchangeCode(r.Context(), q.Get("code"), p)
	return found, p, h.isRead(w, r, err)
}

// isRead reports whether the identity of a person was read. Otherwise it has answered the browser.
func (h *Handler) isRead(w http.ResponseWriter, r *http.Request, err error) bool {
	why, isRefused := errors.AsType[*refused](err)
	switch {
	case isRefused:
		h.showRefused(w, r, why)
	case err != nil:
		h.showFailure(w, r, err)
	}
	return err == nil
}

// deniedBy returns the refusal of a sign-in that the provider ended. Its error is a code of OAuth or OpenID Connect; any
// other text may come from anybody, and is not repeated.
func deniedBy(code string) *refused {
	known := []string{
		"access_denied", "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type",
		"server_error", "temporarily_unavailable", "interaction_required", "login_required",
		"account_selection_required", "consent_required", "user_cancelled_authorize",
		"unmet_authentication_requirements",
	}
	if !slices.Contains(known, code) {
		code = "an unknown error"
	}
	return &refused{
		code:   refusal.Forbidden,
		field:  "error",
		detail: "the provider ended the sign-in with " + code + "; access_denied means the person, or a rule of the provider",
	}
}

// exchangeCode redeems the code that the provider sent and returns the claims of the ID token.
func (h *Handler) exchangeCode(ctx context.Context, code string, p pendingSignIn) (claims, error) {
	oauth, verifiers, err := h.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, h.Client)
	token, err := oauth.Exchange(ctx, code, oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return nil, exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, badToken("id_token", "the provider sent no ID token: is openid among the scopes of the client?")
	}
	return h.verifyToken(ctx, verifiers, raw, p)
}

// exchangeError describes a failed exchange by its error code. The text of err is left out, because it may quote the
// code or the client secret.
func exchangeError(err error) error {
	failed, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return fmt.Errorf("%w: the authorization code could not be exchanged", ErrUnreachable)
	}
	switch failed.ErrorCode {
	case "invalid_client", "unauthorized_client":
		return fmt.Errorf("%w: the provider refused client_id or client_secret", ErrMisconfigured)
	case "invalid_grant":
		return &refused{
			code:   refusal.Mismatch,
			field:  "code",
			detail: "the provider refused the authorization code: it was used before, is too old, or was made up",
			reason: "signin.reason.not_confirmed",
			remedy: "signin.remedy.open_again",
		}
	}
	return errors.New("the provider refused the authorization code")
}

// showFailure answers an approver when signing in failed for a reason outside the approver's control. A wrong
// configuration is told apart from an outage: only an outage passes by itself.
func (h *Handler) showFailure(w http.ResponseWriter, r *http.Request, err error) {
	if _, logged := errors.AsType[*lookupError](err); !logged {
		h.Log.WarnContext(r.Context(), "sign-in failed", "error", err)
	}
	if errors.Is(err, ErrMisconfigured) {
		h.showMessage(w, r, http.StatusInternalServerError, "misconfigured")
		return
	}
	w.Header().Set("Retry-After", "10")
	h.showMessage(w, r, http.StatusServiceUnavailable, "unavailable")
}

// showMessage answers a browser with texts of the catalogue.
func (h *Handler) showMessage(w http.ResponseWriter, r *http.Request, status int, name string) {
	words := h.wordsFor(r)
	h.showTexts(w, r, status, words.Text("signin.heading."+name), cmp.Or(h.audience.remedy, words.Text("signin.lead."+name)))
}

func (h *Handler) showTexts(w http.ResponseWriter, r *http.Request, status int, heading, lead string) {
	if h.ShowMessage == nil {
		http.Error(w, heading+". "+lead, status)
		return
	}
	h.ShowMessage(w, r, status, heading, lead)
}

// wordsFor returns the words in the language of a person who is not known yet.
func (h *Handler) wordsFor(r *http.Request) language.Words {
	if h.Words == nil {
		return language.For(language.Default)
	}
	return h.Words(r)
}
