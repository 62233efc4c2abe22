package webhook

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // see HMACSettings.Algorithm
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// HMAC verifies the signature of an HMACSettings.
type HMAC struct {
	config  HMACSettings
	signed  template
	newHash func() hash.Hash
	secrets []secret.Text
	decode  func(string) ([]byte, error)
}

// NewHMAC returns a verifier that accepts a signature with any of the secrets. The error joins a setup.FieldError for
// every fault of the settings.
func NewHMAC(c HMACSettings) (*HMAC, error) {
	tolerance := c.Tolerance
	if c.Parameters != nil {
		parameters := *c.Parameters // SetDefaults writes to it
		c.Parameters = &parameters
	}
	c.SetDefaults(setup.Common{})
	if tolerance < 0 {
		return nil, setup.NewFieldError("tolerance", "is negative")
	}
	secrets, err := parseSecrets(secret.RevealAll(c.Secrets), secretDecoder(c.SecretEncoding))
	if err := errors.Join(setup.InField("secrets", err), setup.FaultsOf(&c)); err != nil {
		return nil, err
	}
	c.Secrets = nil
	signed, err := parseTemplate(c.template())
	return &HMAC{
		config:  c,
		signed:  signed,
		newHash: hashOf(c.Algorithm),
		secrets: secrets,
		decode:  decoderOf(c.Encoding),
	}, err
}

// hashOf returns the hash of an algorithm that HMACSettings lists.
func hashOf(algorithm string) func() hash.Hash {
	switch algorithm {
	case "sha512":
		return sha512.New
	case "sha384":
		return sha512.New384
	case "sha1":
		return sha1.New
	}
	return sha256.New
}

// Verify implements Verifier.
func (v *HMAC) Verify(now time.Time, r Request) error {
	got, signed, err := v.read(r)
	if err != nil {
		return err
	}
	if v.config.hasTime() {
		field := cmp.Or(v.config.TimestampHeader, got.header)
		if err := checkSendTime(field, v.config.TimestampFormat, signed.sent, now, v.config.Tolerance); err != nil {
			return err
		}
	}
	if !matchMAC(v.newHash, v.secrets, v.signed.fill(signed), got.list...) {
		return mismatch(got.header)
	}
	return nil
}

// matches reports whether a request is signed with a secret, at any time.
func (v *HMAC) matches(r Request, key secret.Text) bool {
	got, signed, err := v.read(r)
	return err == nil && matchMAC(v.newHash, []secret.Text{key}, v.signed.fill(signed), got.list...)
}

// bodyCharacters are in every body of JSON, and in no URL and no ID. Some senders sign the URL or the ID and the body with
// nothing between them. The signature is then the same if the beginning of the body is moved to the other part, and the
// rest could have another meaning.
const bodyCharacters = `{}[]"`

// checkID refuses an ID that could contain the beginning of a body, in JSON or as a form. In "{id}.{timestamp}.{body}" the
// ID could otherwise reach into a signed form, up to a field in which somebody has written another time of sending.
func checkID(header, id string) error {
	isForm := strings.Contains(id, "=") && !isOpaque(id) // base64 may end with =
	if isForm || strings.ContainsAny(id, bodyCharacters+"&") {
		return refuse(refusal.Malformed, header, "the header %s has characters that are not those of an ID", header)
	}
	return nil
}

// read returns the signatures of a request and the parts of it that are signed.
func (v *HMAC) read(r Request) (got signatures, signed templateValues, err error) {
	if got, err = v.readSignatures(r.Header); err != nil {
		return got, signed, err
	}
	signed = templateValues{body: r.Body, sent: got.sent, method: r.Method, url: cmp.Or(v.config.URL, r.URL)}
	if name := v.config.TimestampHeader; name != "" {
		if signed.sent, err = singleHeader(r.Header, name); err != nil {
			return got, signed, err
		}
	}
	if name := v.config.IDHeader; name != "" {
		if signed.id, err = singleHeader(r.Header, name); err != nil {
			return got, signed, err
		}
	}
	switch {
	case v.signed.has("url") && signed.url == "":
		err = refuse(refusal.Malformed, got.header, "the URL of the request is signed, and not known here")
	case v.signed.has("url") && strings.ContainsAny(signed.url, bodyCharacters):
		err = refuse(refusal.Malformed, got.header, "the URL of the request has characters that are not those of a URL")
	default:
		err = checkID(v.config.IDHeader, signed.id)
	}
	return got, signed, err
}

// mismatch returns the error of a signature that does not match.
func mismatch(header string) error {
	return refuse(refusal.Mismatch, header, "the signature in the header %s matches none of the configured secrets", header)
}
