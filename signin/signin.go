// Package signin lets approvers sign in with an OpenID Connect provider, so that a
// decision rests on more than holding a link. It keeps nothing: who is signed in
// is in a cookie that we signed.
package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// MAC authenticates messages with keys that rotate, see package keys.
type MAC interface {
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// Secret is a text that is shown only when asked for.
type Secret interface{ Reveal() string }

// Config is what signing in needs. All but Claim, Client and Say must be set.
type Config struct {
	Issuer       string // URL of the provider, as its discovery document names it
	ClientID     string
	ClientSecret Secret
	// Claim is the claim of the ID token that is the approver's ID; empty means email,
	// which the provider must have verified.
	Claim string
	// Base is the URL at which people reach us; BASE/signin/callback must be known to
	// the provider.
	Base   *url.URL
	MAC    MAC
	Client *http.Client // nil is one with a time limit
	// ShowMessage answers whoever cannot go on with a page; nil is a line of text.
	ShowMessage func(w http.ResponseWriter, r *http.Request, status int, heading, lead string)
	Now         func() time.Time
	Log         *slog.Logger
}

// SessionTTL is how long somebody stays signed in, and begunTTL how long they may
// take at the provider.
const (
	SessionTTL = time.Hour
	pendingTTL = 10 * time.Minute
)

// Handler signs approvers in.
type Handler struct {
	Config

	mu    sync.Mutex
	found *oidc.Provider // once it was found
	lost  error          // why it was not
	again time.Time      // when it is asked again
}

// askAgain is how long a provider that could not be found is left alone. Whoever
// comes meanwhile is answered at once, not behind all others.
const askAgain = 10 * time.Second

// New returns a SignIn. The provider is asked when the first approver comes: it may
// be out of reach when we start.
func New(c Config) (*Handler, error) {
	var faults []error
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname()))) {
		faults = append(faults, errors.New("issuer: is no https URL (http is for a provider on this machine)"))
	}
	if c.ClientID == "" {
		faults = append(faults, errors.New("client_id: is missing"))
	}
	if c.ClientSecret == nil || c.ClientSecret.Reveal() == "" {
		faults = append(faults, errors.New("client_secret: is missing"))
	}
	if c.Claim == "" {
		c.Claim = "email"
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second} // a provider that says nothing
	}
	return &Handler{Config: c}, errors.Join(faults...)
}

// isLoopback says that a host is this machine: what the provider says of people, and
// the keys that it signs with, must not be changed on the way.
func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// The cookies. Their purposes are part of what is signed.
const (
	sessionCookie = "approval_relay_session"
	pendingCookie = "approval_relay_signin"
)

// session is who is signed in.
type session struct {
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
}

// pendingSignIn is what somebody is sent to the provider with.
type pendingSignIn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE, RFC 7636
	Token    string    `json:"token"`    // of the link to come back to
	Expires  time.Time `json:"expires"`
}

// SignedInApprover returns the approver ID of whoever is signed in.
func (s *Handler) SignedInApprover(r *http.Request) (string, bool) {
	var in session
	if !s.readCookie(r, sessionCookie, &in) || !in.Expires.After(s.Now()) || in.ID == "" {
		return "", false
	}
	return in.ID, true
}

// StartSignIn sends the holder of a link to the provider: GET …/signin/{token}.
func (s *Handler) StartSignIn(w http.ResponseWriter, r *http.Request) {
	oauth, _, err := s.endpoints(r.Context())
	if err != nil {
		s.showFailure(w, r, err)
		return
	}
	b := pendingSignIn{
		State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(),
		Token: r.PathValue("token"), Expires: s.Now().Add(pendingTTL),
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if _, in := s.SignedInApprover(r); in { // as the wrong one: without it the provider would sign in the same again
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	s.setCookie(w, pendingCookie, b, pendingTTL)
	http.Redirect(w, r, oauth.AuthCodeURL(b.State, options...), http.StatusSeeOther)
}

// CompleteSignIn takes whoever comes back from the provider to their link: GET …/signin/callback.
func (s *Handler) CompleteSignIn(w http.ResponseWriter, r *http.Request) {
	var b pendingSignIn
	q := r.URL.Query()
	if !s.readCookie(r, pendingCookie, &b) || !b.Expires.After(s.Now()) || q.Get("state") != b.State {
		s.showMessage(w, r, http.StatusBadRequest, "Signing in took too long", "Or it began in another browser. Please open the link from the message again.")
		return
	}
	if q.Get("error") != "" {
		s.showMessage(w, r, http.StatusForbidden, "You were not signed in", "Please open the link from the message again.")
		return
	}
	id, err := s.exchangeCode(r.Context(), q.Get("code"), b)
	var no *refusal
	switch {
	case errors.As(err, &no):
		s.showMessage(w, r, http.StatusForbidden, "You cannot sign in here", "You cannot, because "+no.why+".")
		return
	case err != nil:
		s.showFailure(w, r, err)
		return
	}
	s.setCookie(w, pendingCookie, pendingSignIn{}, -time.Second)
	s.setCookie(w, sessionCookie, session{ID: id, Expires: s.Now().Add(SessionTTL)}, SessionTTL)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.Base.JoinPath("a", url.PathEscape(b.Token)).String(), http.StatusSeeOther)
}

// refusal is a person who cannot be known surely enough.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

// exchangeCode turns a code into who it is.
func (s *Handler) exchangeCode(ctx context.Context, code string, b pendingSignIn) (string, error) {
	oauth, verifier, err := s.endpoints(ctx)
	if err != nil {
		return "", err
	}
	token, err := oauth.Exchange(oidc.ClientContext(ctx, s.Client), code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return "", errors.New("the provider did not take the code") // its text may quote it
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errors.New("the provider sent no ID token")
	}
	id, err := verifier.Verify(oidc.ClientContext(ctx, s.Client), raw)
	if err != nil {
		return "", fmt.Errorf("verify the ID token: %w", err)
	}
	if id.Nonce != b.Nonce {
		return "", &refusal{"the provider answered somebody else's request"}
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return "", fmt.Errorf("read the ID token: %w", err)
	}
	who, _ := claims[s.Claim].(string)
	switch {
	case strings.TrimSpace(who) == "":
		return "", &refusal{"the provider does not say who you are"}
	case !isUsableID(who):
		return "", &refusal{"the provider gives you a name that cannot be told from others' for sure"}
	case s.Claim == "email" && claims["email_verified"] != true:
		return "", &refusal{"the provider has not verified your e-mail address"}
	}
	return who, nil
}

// maxID is the longest approver ID, in bytes.
const maxID = 256

// isUsableID reports whether an ID may be an approver's. The Kelvin sign K and the long ſ are refused: approval.SamePerson
// tells them from k and s, but people do not, nor does every program that compares without case.
func isUsableID(id string) bool {
	return len(id) <= maxID && id == strings.TrimSpace(id) && !strings.ContainsAny(id, "\u212a\u017f") &&
		!strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) })
}

// endpoints returns the provider's, asking it once.
func (s *Handler) endpoints(ctx context.Context) (*oauth2.Config, *oidc.IDTokenVerifier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil && s.Now().Before(s.again) {
		return nil, nil, s.lost
	}
	if s.found == nil {
		// Its keys are fetched later, with this context: it must outlive the request.
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.Client), s.Issuer)
		if err != nil {
			s.lost, s.again = fmt.Errorf("find the sign-in provider: %w", err), s.Now().Add(askAgain)
			return nil, nil, s.lost
		}
		s.found = p
	}
	return &oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(), Endpoint: s.found.Endpoint(),
		RedirectURL: s.Base.JoinPath("signin", "callback").String(), Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}, s.found.Verifier(&oidc.Config{ClientID: s.ClientID, Now: s.Now}), nil
}

func (s *Handler) showFailure(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.WarnContext(r.Context(), "sign-in failed", "error", err)
	w.Header().Set("Retry-After", "10")
	s.showMessage(w, r, http.StatusServiceUnavailable, "Signing in does not work right now", "Please open the link from the message again in a minute.")
}

func (s *Handler) showMessage(w http.ResponseWriter, r *http.Request, status int, heading, lead string) {
	if s.ShowMessage == nil {
		http.Error(w, heading+". "+lead, status)
		return
	}
	s.ShowMessage(w, r, status, heading, lead)
}

// setCookie sets a signed cookie for that long; a negative time takes it away. It is
// Lax: the way back from the provider, and from a mail, is another site's.
func (s *Handler) setCookie(w http.ResponseWriter, name string, v any, ttl time.Duration) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and a time
	}
	keyID, mac := s.MAC.MAC(name, b)
	path := s.Base.Path
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	code := base64.RawURLEncoding
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where we are reached by https
		Name:     name,
		Value:    code.EncodeToString(b) + "." + code.EncodeToString([]byte(keyID)) + "." + code.EncodeToString(mac),
		Path:     path,
		MaxAge:   int(ttl.Seconds()),
		HttpOnly: true,
		Secure:   s.Base.Scheme == "https",
		SameSite: http.SameSiteLaxMode,
	})
}

// readCookie reads a cookie that seal made.
func (s *Handler) readCookie(r *http.Request, name string, v any) bool {
	c, err := r.Cookie(name)
	if err != nil {
		return false
	}
	var parts [3][]byte
	fields := strings.Split(c.Value, ".")
	if len(fields) != len(parts) {
		return false
	}
	for i := range parts {
		if parts[i], err = base64.RawURLEncoding.Strict().DecodeString(fields[i]); err != nil {
			return false
		}
	}
	return s.MAC.VerifyMAC(name, string(parts[1]), parts[0], parts[2]) == nil && json.Unmarshal(parts[0], v) == nil
}
