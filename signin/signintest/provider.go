// Package signintest is an OpenID Connect provider for tests: it checks what it is
// sent as a provider does (client, redirect, PKCE, one use of a code), and signs in
// whoever the test says, without asking.
package signintest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The client that the provider knows.
const (
	ClientID     = "approval-relay"
	ClientSecret = "canary-oidc-0123456789abcdef" //nolint:gosec // nobody's
)

// Provider is the provider.
type Provider struct {
	*httptest.Server
	// Claims of whoever signs in next, beside those that every ID token has.
	Claims map[string]any
	// Redirect is the only redirect that the client may have.
	Redirect string
	Deny     bool // whoever comes changes their mind

	mu    sync.Mutex
	key   *rsa.PrivateKey
	keyID string
	codes map[string]url.Values // the authorisation requests
}

// Start returns a running provider. It is to be closed.
func Start() *Provider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	p := &Provider{key: key, keyID: "1", codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	return p
}

// Rotate signs with another key from now on, and no longer publishes the old one.
func (p *Provider) Rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.keyID = key, p.keyID+"1"
}

// SignInAs says who comes next, with a verified e-mail address.
func (p *Provider) SignInAs(email string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Claims = map[string]any{"email": email, "email_verified": true}
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *Provider) discover(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer":                                p.URL,
		"authorization_endpoint":                p.URL + "/authorize",
		"token_endpoint":                        p.URL + "/token",
		"jwks_uri":                              p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key:       &p.key.PublicKey,
		KeyID:     p.keyID,
		Algorithm: "RS256",
		Use:       "sig",
	}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("redirect_uri") != p.Redirect || q.Get("response_type") != "code" || q.Get("state") == "" ||
		q.Get("nonce") == "" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" {
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
	http.Redirect(w, r, p.Redirect+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, _ := r.BasicAuth()
	p.mu.Lock()
	asked, known := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case id != ClientID || secret != ClientSecret:
		write(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
	case !known || r.PostForm.Get("redirect_uri") != p.Redirect || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge"):
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
	default:
		write(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "id_token": p.idToken(asked.Get("nonce"))})
	}
}

func (p *Provider) idToken(nonce string) string {
	claims := map[string]any{
		"iss":   p.URL,
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
