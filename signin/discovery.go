package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// lookupTimeout bounds a request for the discovery document.
	lookupTimeout = 10 * time.Second
	// retryPause is how long a failed lookup is remembered. Meanwhile approvers are answered at once, and the
	// provider is not called for each of them.
	retryPause = 10 * time.Second
	// FindProvider pauses 15s, 30s, 1m, 2m, 4m, 5m, 5m, … between lookups.
	firstLookupPause = 15 * time.Second
	maxLookupPause   = 5 * time.Minute
	// maxDocument bounds the discovery document, in bytes. Large providers send about 10 KB.
	maxDocument = 1 << 20
)

var (
	// ErrMisconfigured is found in an error by errors.Is if the provider answered, and signing in cannot work until
	// the configuration of this program or of the provider is corrected.
	ErrMisconfigured = errors.New("sign-in is misconfigured")
	// ErrUnreachable is found in an error by errors.Is if the provider could not be reached, or answered with an
	// error that may pass.
	ErrUnreachable = errors.New("the sign-in provider could not be reached")
)

// IssuerMismatchError is returned when the discovery document belongs to another issuer than the configuration names.
// Issuers are compared byte by byte, here and again in every ID token, so a slash at the end makes a difference.
// errors.Is finds ErrMisconfigured in it.
type IssuerMismatchError struct {
	Configured string
	Discovered string
}

// Error names both URLs.
func (e *IssuerMismatchError) Error() string {
	text := fmt.Sprintf("issuer %q does not match the issuer %q in the provider's discovery document",
		e.Configured, e.Discovered)
	if strings.TrimSuffix(e.Configured, "/") == strings.TrimSuffix(e.Discovered, "/") {
		return text + "; they differ in the slash at the end"
	}
	return text
}

// Unwrap returns ErrMisconfigured.
func (e *IssuerMismatchError) Unwrap() error { return ErrMisconfigured }

// documentError is returned for a discovery document that cannot be used. errors.Is finds ErrMisconfigured in it.
type documentError struct{ text string }

// Error returns the text.
func (e *documentError) Error() string { return e.text }

// Unwrap returns ErrMisconfigured.
func (e *documentError) Unwrap() error { return ErrMisconfigured }

// CheckDiscovery fetches the discovery document of an issuer and reports whether approvers can sign in with it. The
// error is ErrMisconfigured if they never can: an *IssuerMismatchError for another issuer, or an error that names the
// missing field. It is ErrUnreachable if the provider could not be reached now. A nil client means a client with a
// time limit.
func CheckDiscovery(ctx context.Context, issuer string, client *http.Client) error {
	if client == nil {
		client = newClient()
	}
	_, err := fetchDocument(ctx, issuer, client)
	return err
}

// FindProvider fetches the discovery document, and does so again after growing pauses until it succeeds or ctx ends.
// It runs in the background from the start of the program, so that a wrong issuer is in the log before the first
// approver signs in. Each failure is logged.
func (h *Handler) FindProvider(ctx context.Context) {
	for pause := firstLookupPause; ; pause = min(2*pause, maxLookupPause) {
		if _, err := h.provider(ctx); err == nil {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// lookupError is a failed lookup. It is logged when the lookup fails, and not again for each approver.
type lookupError struct{ error }

// Unwrap returns the cause.
func (e *lookupError) Unwrap() error { return e.error }

// provider returns the provider, and looks it up unless that was done before.
func (h *Handler) provider(ctx context.Context) (*oidc.Provider, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.found != nil {
		return h.found, nil
	}
	if h.Now().Before(h.retryAt) {
		return nil, h.lookupErr
	}
	document, err := fetchDocument(ctx, h.Settings.Issuer, h.Client)
	if err != nil {
		if ctx.Err() == nil {
			h.logLookup(ctx, err)
		}
		h.lookupErr = &lookupError{fmt.Errorf("look up the sign-in provider: %w", err)}
		h.retryAt = h.Now().Add(retryPause)
		return nil, h.lookupErr
	}
	h.Log.InfoContext(ctx, "sign-in provider found", "issuer", h.Settings.Issuer)
	// The provider fetches its signing keys later, with the client of this context.
	h.found = document.NewProvider(oidc.ClientContext(ctx, h.Client))
	h.authStyle = document.authStyle()
	return h.found, nil
}

func (h *Handler) logLookup(ctx context.Context, err error) {
	if mismatch, ok := errors.AsType[*IssuerMismatchError](err); ok {
		h.Log.WarnContext(ctx, "nobody can sign in: the issuer does not match the provider's discovery document",
			"setting", h.audience.settings+"issuer", "configured", mismatch.Configured, "discovered", mismatch.Discovered)
		return
	}
	if errors.Is(err, ErrMisconfigured) {
		h.Log.WarnContext(ctx, "nobody can sign in: the provider's discovery document cannot be used",
			"setting", h.audience.settings+"issuer", "configured", h.Settings.Issuer, "error", err)
		return
	}
	h.Log.WarnContext(ctx, "the sign-in provider could not be reached",
		"setting", h.audience.settings+"issuer", "configured", h.Settings.Issuer, "error", err)
}

// endpoints returns the provider's endpoints and the verifiers of its ID tokens.
func (h *Handler) endpoints(ctx context.Context) (*oauth2.Config, verifiers, error) {
	// All approvers share the result, so an approver who closes the browser must not end the lookup.
	provider, err := h.provider(context.WithoutCancel(ctx))
	if err != nil {
		return nil, verifiers{}, err
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = h.authStyle // written once, before provider returned
	oauth := &oauth2.Config{
		ClientID:     h.Settings.ClientID,
		ClientSecret: h.Settings.ClientSecret.Reveal(),
		Endpoint:     endpoint,
		RedirectURL:  h.redirectURI().String(),
		Scopes:       h.Settings.Scopes,
	}
	return oauth, newVerifiers(provider, h.Settings, h.audience.settings, h.Now), nil
}

// Fault returns the reason why nobody can sign in until the configuration is corrected, or nil. An outage is no fault.
func (h *Handler) Fault() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.found == nil && errors.Is(h.lookupErr, ErrMisconfigured) {
		return h.lookupErr
	}
	return nil
}

// fetchDocument fetches the discovery document of an issuer and checks it (OpenID Connect Discovery 1.0, section 4).
func fetchDocument(ctx context.Context, issuer string, client *http.Client) (*document, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	at := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, &documentError{fmt.Sprintf("the discovery document cannot be requested: %s", err)}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answered with HTTP status %d", ErrUnreachable, at, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, at, err)
	}
	return parseDocument(at, issuer, body)
}

// document is a discovery document.
type document struct {
	oidc.ProviderConfig
	// AuthMethods are the ways in which the provider takes the client's secret.
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
}

// authStyle returns the way in which the client's secret is sent. A provider that names none is tried with both: the
// second attempt would answer a wrong authorization code as if the secret were wrong.
func (d *document) authStyle() oauth2.AuthStyle {
	switch {
	case slices.Contains(d.AuthMethods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader
	case slices.Contains(d.AuthMethods, "client_secret_post"):
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleAutoDetect
}

// parseDocument reads a discovery document, and checks that it is complete and belongs to the issuer.
func parseDocument(at, issuer string, body []byte) (*document, error) {
	var document document
	if json.Unmarshal(body, &document) != nil {
		return nil, &documentError{at + " is not a discovery document"}
	}
	if document.IssuerURL != "" && document.IssuerURL != issuer {
		return nil, &IssuerMismatchError{Configured: issuer, Discovered: document.IssuerURL}
	}
	var missing []string
	for _, field := range [][2]string{
		{"issuer", document.IssuerURL},
		{"authorization_endpoint", document.AuthURL},
		{"token_endpoint", document.TokenURL},
		{"jwks_uri", document.JWKSURL},
	} {
		if u, err := url.Parse(field[1]); err != nil || u.Scheme == "" || u.Host == "" {
			missing = append(missing, field[0])
		}
	}
	if len(missing) > 0 {
		fields := strings.Join(missing, ", ")
		return nil, &documentError{fmt.Sprintf("the discovery document at %s lacks the URL in %s", at, fields)}
	}
	document.Algorithms = asymmetricOnly(document.Algorithms)
	return &document, nil
}

// asymmetricOnly returns the signing algorithms that the verifier of ID tokens supports. A provider may announce
// symmetric algorithms and "none" as well; they must not verify a token.
func asymmetricOnly(announced []string) []string {
	supported := []string{
		oidc.RS256, oidc.RS384, oidc.RS512,
		oidc.ES256, oidc.ES384, oidc.ES512,
		oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.EdDSA,
	}
	return slices.DeleteFunc(announced, func(name string) bool { return !slices.Contains(supported, name) })
}
