// Package signintest is an OpenID Connect provider for tests. It checks a client as a real provider does: client ID
// and secret, redirect URI, PKCE, and that a code is used once. It signs in the person that the test names, without a
// form.
package signintest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ClientID and ClientSecret are the credentials of the client that the provider accepts.
const (
	ClientID     = "approval-relay"
	ClientSecret = "canary-oidc-0123456789abcdef" //nolint:gosec // for tests only
)

// Provider is a running provider. Set its exported fields before the first request.
type Provider struct {
	*httptest.Server
	// Claims are added to the claims of the next ID token.
	Claims map[string]any
	// Redirect is the only redirect URI that the client may use.
	Redirect string
	// Deny makes the person refuse to sign in.
	Deny bool
	// Issuer is the issuer in the discovery document and in ID tokens; empty means the provider's URL.
	Issuer string
	// Omit lists fields that the discovery document lacks.
	Omit []string
	// Hang makes the provider accept requests for the discovery document and never answer them.
	Hang bool

	mu    sync.Mutex
	key   *rsa.PrivateKey
	keyID string
	codes map[string]url.Values // the authorization request of each code
}

// firstKey returns the key that each provider signs with first. Making a key is slow, and tests start many providers.
var firstKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// Start returns a running provider. The caller must close it.
func Start() *Provider {
	p := &Provider{
		key:   firstKey(),
		keyID: "1",
		codes: map[string]url.Values{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.serveDiscovery)
	mux.HandleFunc("GET /keys", p.serveKeys)
	mux.HandleFunc("GET /authorize", p.serveAuthorize)
	mux.HandleFunc("POST /token", p.serveToken)
	p.Server = httptest.NewServer(mux)
	return p
}

// RotateKey makes the provider sign with a new key, and publish only that key.
func (p *Provider) RotateKey() {
	key := newKey()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = key
	p.keyID += "1"
}

// SignInAs sets the verified e-mail address of the person who signs in next.
func (p *Provider) SignInAs(email string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Claims = map[string]any{"email": email, "email_verified": true}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *Provider) issuer() string { return cmp.Or(p.Issuer, p.URL) }

func (p *Provider) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	if p.Hang {
		<-r.Context().Done() // the client gave up
		return
	}
	document := map[string]any{
		"issuer":                                p.issuer(),
		"authorization_endpoint":                p.URL + "/authorize",
		"token_endpoint":                        p.URL + "/token",
		"jwks_uri":                              p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
	}
	for _, name := range p.Omit {
		delete(document, name)
	}
	writeJSON(w, http.StatusOK, document)
}

func (p *Provider) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key:       &p.key.PublicKey,
		KeyID:     p.keyID,
		Algorithm: "RS256",
		Use:       "sig",
	}}})
}

func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wrong := q.Get("client_id") != ClientID || q.Get("redirect_uri") != p.Redirect ||
		q.Get("response_type") != "code" ||
		q.Get("state") == "" || q.Get("nonce") == "" ||
		q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == ""
	if wrong {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if p.Deny {
		back.Set("error", "access_denied")
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = q
		p.mu.Unlock()
		back.Set("code", code)
	}
	if q.Get("response_mode") == "form_post" {
		p.sendForm(w, back)
		return
	}
	http.Redirect(w, r, p.Redirect+"?"+back.Encode(), http.StatusFound)
}

// sendForm answers with a form that a browser posts to the redirect URI (OAuth 2.0 Form Post Response Mode).
func (p *Provider) sendForm(w http.ResponseWriter, back url.Values) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, `<form method="post" action="`+p.Redirect+`">`)
	for name := range back {
		_, _ = io.WriteString(w, `<input type="hidden" name="`+name+`" value="`+back.Get(name)+`">`)
	}
	_, _ = io.WriteString(w, `</form>`)
}

func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, _ := r.BasicAuth()
	code := r.PostForm.Get("code")
	p.mu.Lock()
	authorized, known := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	verifier := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(verifier[:])
	switch {
	case id != ClientID || secret != ClientSecret:
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
	case !known || r.PostForm.Get("redirect_uri") != p.Redirect || challenge != authorized.Get("code_challenge"):
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": rand.Text(),
			"token_type":   "Bearer",
			"id_token":     p.signIDToken(authorized.Get("nonce")),
		})
	}
}

func (p *Provider) signIDToken(nonce string) string {
	claims := map[string]any{
		"iss":   p.issuer(),
		"aud":   ClientID,
		"sub":   "1",
		"nonce": nonce,
		"iat":   time.Now().Unix(),
		"exp":   time.Now().Add(time.Hour).Unix(),
	}
	p.mu.Lock()
	maps.Copy(claims, p.Claims)
	key := jose.JSONWebKey{Key: p.key, KeyID: p.keyID}
	p.mu.Unlock()
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(b)
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}
