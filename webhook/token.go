package webhook

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// TokenSettings are the settings of a secret that the sender puts into a header, such as X-Gitlab-Token. The whole
// value of the header, behind the prefix, is the token.
type TokenSettings struct {
	Header string        `yaml:"header" doc:"header with the token, such as X-Gitlab-Token"`
	Prefix string        `yaml:"prefix" doc:"text before the token in the header, such as \"GenieKey \""`
	Tokens []secret.Text `yaml:"tokens" doc:"tokens, any of which is accepted"`
}

// Validate implements setup.Validator.
func (s *TokenSettings) Validate(c *setup.Check) { c.Required("header", s.Header) }

// Scheme implements Settings. The sender authenticates the whole request.
func (s *TokenSettings) Scheme() (Scheme, error) {
	digests, err := digestSecrets("tokens", s.Tokens)
	if err != nil {
		return Scheme{}, err
	}
	return Scheme{
		Verifier:         &token{header: s.Header, prefix: s.Prefix, digests: digests},
		CoversRequest:    true,
		IDHeaders:        []string{headerID},
		Handshake:        newOktaWithProof(),
		Headers:          []string{s.Header},
		CredentialHeader: s.Header,
		Challenge:        challengeOf("Token", "header", s.Header),
	}, nil
}

// token verifies a secret in a header.
type token struct {
	header, prefix string
	digests        [][sha256.Size]byte
}

// Verify implements Verifier.
func (v *token) Verify(_ time.Time, r Request) error {
	value, err := singleHeader(r.Header, v.header)
	if err != nil {
		return err
	}
	text, ok := cutPrefixFold(value, v.prefix)
	if !ok {
		return refuse(refusal.Malformed, v.header, "the header %s does not begin with %q", v.header, v.prefix)
	}
	if indexDigest(v.digests, strings.TrimSpace(text)) < 0 {
		return refuse(refusal.Mismatch, v.header, "the token in the header %s is none of the configured tokens", v.header)
	}
	return nil
}

// BasicSettings are the settings of HTTP basic authentication (RFC 7617), which is all that Azure DevOps sends.
type BasicSettings struct {
	Username  string        `yaml:"username" doc:"user name; empty accepts any, because only the password is secret"`
	Passwords []secret.Text `yaml:"passwords" doc:"passwords, any of which is accepted"`
}

// Scheme implements Settings. The sender authenticates the whole request.
func (s *BasicSettings) Scheme() (Scheme, error) {
	digests, err := digestSecrets("passwords", s.Passwords)
	if err != nil {
		return Scheme{}, err
	}
	v := &basic{digests: digests}
	if s.Username != "" {
		v.username = append(v.username, sha256.Sum256([]byte(s.Username)))
	}
	return Scheme{
		Verifier:      v,
		CoversRequest: true,
		IDHeaders:     []string{headerID},
		Handshake:     newOktaWithProof(),
		Headers:       []string{"Authorization"},
		Challenge:     challengeOf("Basic", "charset", "UTF-8"),
	}, nil
}

// basic verifies a user name and a password.
type basic struct {
	username [][sha256.Size]byte // none accepts any
	digests  [][sha256.Size]byte
}

// Verify implements Verifier.
func (v *basic) Verify(_ time.Time, r Request) error {
	const header = "Authorization"
	value, err := singleHeader(r.Header, header)
	if err != nil {
		return err
	}
	encoded, ok := cutPrefixFold(value, "Basic ")
	if !ok {
		return refuse(refusal.Malformed, header, "the header %s has no Basic credentials", header)
	}
	decoded, err := decodeBase64(strings.TrimSpace(encoded))
	username, password, found := strings.Cut(string(decoded), ":")
	if err != nil || !found {
		return refuse(refusal.Malformed, header, "the Basic credentials in the header %s are not base64 of USERNAME:PASSWORD", header)
	}
	isPassword := indexDigest(v.digests, password) >= 0
	if len(v.username) > 0 && indexDigest(v.username, username) < 0 || !isPassword {
		return refuse(refusal.Mismatch, header, "the header %s has another user name or password", header)
	}
	return nil
}

// QuerySettings are the settings of a secret in the URL, for senders that can set nothing else, such as a webhook of
// ServiceNow. Proxies and senders write URLs into their logs, so that this is the weakest of all schemes.
type QuerySettings struct {
	Parameter string        `yaml:"parameter" doc:"query parameter with the token; senders and proxies may log URLs, so prefer any other scheme"`
	Tokens    []secret.Text `yaml:"tokens" doc:"tokens, any of which is accepted"`
}

// Validate implements setup.Validator.
func (s *QuerySettings) Validate(c *setup.Check) { c.Required("parameter", s.Parameter) }

// Scheme implements Settings. The sender authenticates the whole request.
func (s *QuerySettings) Scheme() (Scheme, error) {
	digests, err := digestSecrets("tokens", s.Tokens)
	if err != nil {
		return Scheme{}, err
	}
	return Scheme{
		Verifier:      &query{parameter: s.Parameter, digests: digests},
		CoversRequest: true,
		IDHeaders:     []string{headerID},
		Parameter:     s.Parameter,
		Challenge:     challengeOf("Token", "parameter", s.Parameter),
	}, nil
}

// query verifies a secret in a query parameter.
type query struct {
	parameter string
	digests   [][sha256.Size]byte
}

// Verify implements Verifier.
func (v *query) Verify(_ time.Time, r Request) error {
	values, err := url.ParseQuery(r.Query)
	found := values[v.parameter]
	switch {
	case err != nil: // the text of the error quotes the query
		return refuse(refusal.Malformed, v.parameter, "the query of the URL is malformed")
	case len(found) == 0 || found[0] == "":
		return refuse(refusal.Missing, v.parameter, "the query parameter %s is missing or empty", v.parameter)
	case len(found) > 1:
		return refuse(refusal.Malformed, v.parameter, "the query parameter %s was sent more than once", v.parameter)
	case indexDigest(v.digests, found[0]) < 0:
		return refuse(refusal.Mismatch, v.parameter, "the token in the query parameter %s is none of the configured tokens", v.parameter)
	}
	return nil
}

// digestSecrets returns the digests of the secrets in a field.
func digestSecrets(field string, texts []secret.Text) ([][sha256.Size]byte, error) {
	secrets, err := parseSecrets(secret.RevealAll(texts), decodePlain)
	if err != nil {
		return nil, setup.InField(field, err)
	}
	return digestsOf(secrets), nil
}
