package webhook

import (
	"crypto/sha1" //nolint:gosec // see HMACSettings.Algorithm
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
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
	got, err := v.readSignatures(r.Header)
	if err != nil {
		return err
	}
	values := templateValues{body: r.Body, sent: got.sent, method: r.Method, url: r.URL}
	field := got.header
	if name := v.config.TimestampHeader; name != "" {
		if values.sent, err = singleHeader(r.Header, name); err != nil {
			return err
		}
		field = name
	}
	if v.config.hasTime() {
		if err := checkSendTime(field, v.config.TimestampFormat, values.sent, now, v.config.Tolerance); err != nil {
			return err
		}
	}
	if name := v.config.IDHeader; name != "" {
		if values.id, err = singleHeader(r.Header, name); err != nil {
			return err
		}
	}
	if v.config.URL != "" {
		values.url = v.config.URL
	}
	if v.signed.has("url") && values.url == "" {
		return refuse(refusal.Malformed, got.header, "the URL of the request, which is signed, is not known: public.url is not set")
	}
	if !matchMAC(v.newHash, v.secrets, v.signed.fill(values), got.list...) {
		return mismatch(got.header)
	}
	return nil
}

// mismatch returns the error of a signature that does not match.
func mismatch(header string) error {
	return refuse(refusal.Mismatch, header, "the signature in the header %s matches none of the configured secrets", header)
}
