package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
)

// handshakeCase is a handshake as its protocol has it.
type handshakeCase struct {
	kind   string
	tokens []string
	r      Request
	// body and header are what the sender wants back.
	body, contentType string
	header            [2]string
	verified          bool // the protocol signs this request
}

func handshakeCases() map[string]handshakeCase {
	const text, object = "text/plain; charset=utf-8", "application/json"
	get := func(query string, headers ...string) Request {
		return Request{Method: "GET", Query: query, Header: header(headers...)}
	}
	post := func(body string) Request { return Request{Method: "POST", Header: http.Header{}, Body: []byte(body)} }
	mac := macOf(sha256.New, key, "qgg8vlvZRS6UYooatFL8Aw")
	graph := "Validation: Testing client application reachability for subscription Request-Id: 522a8e7e-096a"
	return map[string]handshakeCase{
		"okta": {
			kind: "okta", r: get("", "X-Okta-Verification-Challenge", "3f9c1a"),
			body: `{"verification":"3f9c1a"}`, contentType: object,
		},
		"adobe_sign": {
			kind: "adobe_sign", r: get("", "X-AdobeSign-ClientId", "CBJCHBCAABAA"),
			body: `{"xAdobeSignClientId":"CBJCHBCAABAA"}`, contentType: object, header: [2]string{"X-AdobeSign-ClientId", "CBJCHBCAABAA"},
		},
		"adobe_sign of a known client": {
			kind: "adobe_sign", tokens: []string{"another", "CBJCHBCAABAA"}, r: get("", "X-AdobeSign-ClientId", "CBJCHBCAABAA"),
			body: `{"xAdobeSignClientId":"CBJCHBCAABAA"}`, contentType: object, header: [2]string{"X-AdobeSign-ClientId", "CBJCHBCAABAA"},
		},
		"slack": {
			kind: "slack", r: post(`{"token": "x", "challenge": "3eZbrw1aBm2rZ", "type": "url_verification"}`),
			body: "3eZbrw1aBm2rZ", contentType: text, verified: true,
		},
		"graph": {
			kind: "graph", r: Request{Method: "POST", Query: "validationToken=" + url.QueryEscape(graph)},
			body: graph, contentType: text,
		},
		"meta": {
			kind: "meta", tokens: []string{"my verify token"},
			r:    get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=my+verify+token"),
			body: "1158201444", contentType: text,
		},
		"dropbox": {kind: "dropbox", r: get("challenge=abc"), body: "abc", contentType: text},
		"trello":  {kind: "trello", r: Request{Method: "HEAD"}},
		"zoom": {
			kind: "zoom", r: post(`{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1}`),
			body:        `{"encryptedToken":"` + hex.EncodeToString(mac) + `","plainToken":"qgg8vlvZRS6UYooatFL8Aw"}`,
			contentType: object, verified: true,
		},
		"crc": {
			kind: "crc", r: get("crc_token=qgg8vlvZRS6UYooatFL8Aw&nonce=x"),
			body: `{"response_token":"sha256=` + base64.StdEncoding.EncodeToString(mac) + `"}`, contentType: object,
		},
		"event_grid": {
			kind: "event_grid", verified: true, contentType: object, body: `{"validationResponse":"512d38b6-c7b8-40c8"}`,
			r: post(`[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6-c7b8-40c8"}}]`),
		},
		"event_grid with CloudEvents": {
			kind: "event_grid", r: Request{Method: "OPTIONS", Header: header("WebHook-Request-Origin", "eventgrid.azure.net")},
			header: [2]string{"WebHook-Allowed-Origin", "eventgrid.azure.net"},
		},
		"monday": {kind: "monday", r: post(`{"challenge":"3eZbrw1aBm2rZ"}`), body: `{"challenge":"3eZbrw1aBm2rZ"}`, contentType: object, verified: true},
	}
}

// signedScheme returns a scheme of signatures with a handshake.
func signedScheme(t *testing.T, kind string, tokens ...string) Scheme {
	t.Helper()
	scheme, err := (&HMACSettings{Header: "X-Sig", Secrets: secret.NewAll([]string{"the secret of tomorrow", key})}).Scheme()
	require.NoError(t, err)
	if kind == "crc" { // is made with the first
		scheme, err = (&HMACSettings{Header: "X-Sig", Secrets: secret.NewAll([]string{key})}).Scheme()
		require.NoError(t, err)
	}
	scheme, err = scheme.WithHandshake(HandshakeSettings{Kind: kind, Tokens: secret.NewAll(tokens)})
	require.NoError(t, err)
	return scheme
}

// Each protocol gets the answer that it wants, a signed one only after its signature was verified; and its request is no
// handshake for any other protocol.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for name, c := range handshakeCases() {
		seen[c.kind] = true
		scheme := signedScheme(t, c.kind, c.tokens...)
		if c.r.Header == nil {
			c.r.Header = http.Header{}
		}
		if c.verified {
			answer, err := scheme.AnswerOpen(now, c.r)
			require.NoError(t, err, name)
			require.Nil(t, answer, "%s: answered without a signature", name)
			c.r.Header.Set("X-Sig", hexMAC(key, string(c.r.Body)))
			require.NoError(t, scheme.Verify(now, c.r), name)
			answer, err = scheme.AnswerVerified(c.r)
			require.NoError(t, err, name)
			c.check(t, name, answer)
		} else {
			answer, err := scheme.AnswerOpen(now, c.r)
			require.NoError(t, err, name)
			c.check(t, name, answer)
		}
		for kind := range HandshakeKinds() {
			if kind == c.kind || (kind == "trello" && c.r.Method == http.MethodGet) {
				continue
			}
			var tokens []string
			if kind == "meta" {
				tokens = append(tokens, "a token")
			}
			other := signedScheme(t, kind, tokens...)
			open, err := other.AnswerOpen(now, c.r)
			require.NoError(t, err, "%s as %s", name, kind)
			require.Nil(t, open, "%s as %s", name, kind)
			verified, err := other.AnswerVerified(c.r)
			require.NoError(t, err, "%s as %s", name, kind)
			require.Nil(t, verified, "%s as %s", name, kind)
		}
	}
	require.Len(t, seen, len(HandshakeKinds()), "a handshake without a case")
}

func (c handshakeCase) check(t *testing.T, name string, answer *Answer) {
	t.Helper()
	require.NotNil(t, answer, name)
	require.Equal(t, c.body, string(answer.Body), name)
	require.Equal(t, c.contentType, answer.ContentType, name)
	if c.header[0] != "" {
		require.Equal(t, c.header[1], answer.Header.Get(c.header[0]), name)
	}
	require.False(t, answer.Continue, name)
}

// A challenge comes back only if it is short and plain, so that the endpoint reflects nothing for others.
func TestHandshakesReflectNothingElse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"<script>alert(1)</script>", "a\nb", "a\x00", "caf\u00e9", `a"b`, "a'b", "a&b", strings.Repeat("a", maxChallenge+1), " \x7f",
	} {
		escaped := url.QueryEscape(bad)
		for kind, r := range map[string]Request{
			"okta":       {Method: "GET", Header: header("X-Okta-Verification-Challenge", bad)},
			"adobe_sign": {Method: "GET", Header: header("X-AdobeSign-ClientId", bad)},
			"graph":      {Method: "POST", Query: "validationToken=" + escaped},
			"meta":       {Method: "GET", Query: "hub.mode=subscribe&hub.verify_token=a+token&hub.challenge=" + escaped},
			"dropbox":    {Method: "GET", Query: "challenge=" + escaped},
			"crc":        {Method: "GET", Query: "crc_token=" + escaped},
			"event_grid": {Method: "OPTIONS", Header: header("WebHook-Request-Origin", bad)},
		} {
			var tokens []string
			if kind == "meta" {
				tokens = append(tokens, "a token")
			}
			answer, err := signedScheme(t, kind, tokens...).AnswerOpen(now, r)
			require.ErrorIs(t, err, ErrMalformed, "%s: %q", kind, bad)
			require.Nil(t, answer)
			require.NotContains(t, err.Error(), "script")
		}
	}
}

// Nobody learns a signature of a message from a handshake that answers with an HMAC.
func TestHandshakesAreNoOracle(t *testing.T) {
	t.Parallel()
	scheme := signedScheme(t, "crc")
	for _, message := range []string{`{"orderId":"A-1","decision":"approve"}`, "orderId=A-1&decision=approve", "v0:1700000000:{}"} {
		answer, err := scheme.AnswerOpen(now, Request{Method: "GET", Query: "crc_token=" + url.QueryEscape(message)})
		require.ErrorIs(t, err, ErrMalformed)
		require.Nil(t, answer)
	}
	// base64 of a decision is opaque: its MAC is told to anybody, so that such a message is refused.
	message := base64.StdEncoding.EncodeToString([]byte(`{"orderId":"A-1","decision":"approve"}`))
	answer, err := scheme.AnswerOpen(now, Request{Method: "GET", Query: "crc_token=" + url.QueryEscape(message)})
	require.NoError(t, err)
	require.NotNil(t, answer)
	forged := Request{Method: "POST", Header: header("X-Sig", hexMAC(key, message)), Body: []byte(message)}
	require.NoError(t, scheme.Verifier.Verify(now, forged))
	require.ErrorIs(t, scheme.Verify(now, forged), ErrMismatch)
	body := `{"orderId":"A-1"}`
	require.NoError(t, scheme.Verify(now, Request{Method: "POST", Header: header("X-Sig", hexMAC(key, body)), Body: []byte(body)}))
}

// A credential that comes with a handshake must be right, and one that no setting asks for must be there too.
func TestHandshakesWithCredentials(t *testing.T) {
	t.Parallel()
	settings := &BearerSettings{Tokens: secret.NewAll([]string{key})}
	scheme, err := settings.Scheme()
	require.NoError(t, err)
	configured, err := scheme.WithHandshake(HandshakeSettings{Kind: "okta"})
	require.NoError(t, err)
	challenge := func(pairs ...string) Request {
		return Request{Method: "GET", Header: header(append(pairs, "X-Okta-Verification-Challenge", "3f9c1a")...)}
	}
	for name, c := range map[string]struct {
		s    Scheme
		r    Request
		want error
	}{
		"with the token":            {configured, challenge("Authorization", "Bearer "+key), nil},
		"without a token":           {configured, challenge(), nil},
		"with another token":        {configured, challenge("Authorization", "Bearer "+key+"x"), ErrMismatch},
		"by default, with a token":  {scheme, challenge("Authorization", "Bearer "+key), nil},
		"by default, without token": {scheme, challenge(), ErrMissing},
		"by default, another token": {scheme, challenge("Authorization", "Bearer "+key+"x"), ErrMismatch},
	} {
		answer, err := c.s.AnswerOpen(now, c.r)
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, c.want == nil, answer != nil, name)
	}
	answer, err := scheme.AnswerOpen(now, Request{Method: "GET", Header: header("Authorization", "Bearer "+key)})
	require.NoError(t, err)
	require.Nil(t, answer, "no challenge")
}

// Meta's verify token is checked, and Adobe's client ID comes back with each message.
func TestHandshakesOfMetaAndAdobe(t *testing.T) {
	t.Parallel()
	meta := signedScheme(t, "meta", "my verify token")
	for query, want := range map[string]error{
		"hub.mode=subscribe&hub.challenge=1":                                             ErrMismatch,
		"hub.mode=subscribe&hub.challenge=1&hub.verify_token=x":                          ErrMismatch,
		"hub.mode=subscribe&hub.challenge=1&hub.verify_token=":                           ErrMismatch,
		"hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=my+verify+token":          ErrMalformed,
		"hub.mode=subscribe&hub.challenge=1&hub.verify_token=my+verify+token&hub.mode=x": ErrMalformed,
	} {
		answer, err := meta.AnswerOpen(now, Request{Method: "GET", Query: query})
		require.ErrorIs(t, err, want, query)
		require.Nil(t, answer, query)
	}
	adobe := signedScheme(t, "adobe_sign", "CBJCHBCAABAA")
	answer, err := adobe.AnswerVerified(Request{Method: "POST", Header: header("X-AdobeSign-ClientId", "CBJCHBCAABAA")})
	require.NoError(t, err)
	require.True(t, answer.Continue)
	require.Equal(t, "CBJCHBCAABAA", answer.Header.Get("X-AdobeSign-ClientId"))
	_, err = adobe.AnswerVerified(Request{Method: "POST", Header: header("X-AdobeSign-ClientId", "CBJCHBCAABAB")})
	require.ErrorIs(t, err, ErrMismatch)
}

func TestHandshakeSettings(t *testing.T) {
	t.Parallel()
	signed, err := (&HMACSettings{Header: "X-Sig", Secrets: secret.NewAll([]string{key})}).Scheme()
	require.NoError(t, err)
	bearer, err := (&BearerSettings{Tokens: secret.NewAll([]string{key})}).Scheme()
	require.NoError(t, err)
	for want, c := range map[string]struct {
		s Scheme
		h HandshakeSettings
	}{
		"handshake: \"octa\" is not one of":           {signed, HandshakeSettings{Kind: "octa"}},
		"handshake_tokens: are missing":               {signed, HandshakeSettings{Kind: "meta"}},
		"handshake_tokens[0]: is empty":               {signed, HandshakeSettings{Kind: "meta", Tokens: secret.NewAll([]string{""})}},
		"handshake_tokens: are only for meta":         {signed, HandshakeSettings{Kind: "okta", Tokens: secret.NewAll([]string{"x"})}},
		"handshake: is made with the secret":          {bearer, HandshakeSettings{Kind: "zoom"}},
		"handshake: does not go with this scheme, wh": {Scheme{Envelope: &SNS{}}, HandshakeSettings{Kind: "okta"}},
	} {
		_, err := c.s.WithHandshake(c.h)
		require.ErrorContains(t, err, want)
	}
}

// Slack's scheme answers its verification without a setting, if it is signed and fresh.
func TestSlackSchemeAnswersVerification(t *testing.T) {
	t.Parallel()
	scheme, err := (&SlackSettings{Secrets: secret.NewAll([]string{key})}).Scheme()
	require.NoError(t, err)
	body := `{"type":"url_verification","challenge":"abc"}`
	r := Request{
		Method: "POST", Body: []byte(body),
		Header: header("X-Slack-Request-Timestamp", nowText, "X-Slack-Signature", "v0="+hexMAC(key, "v0:"+nowText+":"+body)),
	}
	require.NoError(t, scheme.Verify(now, r))
	require.ErrorIs(t, scheme.Verify(now.Add(time.Hour), r), ErrStale)
	answer, err := scheme.AnswerVerified(r)
	require.NoError(t, err)
	require.Equal(t, "abc", string(answer.Body))
}
