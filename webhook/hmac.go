package webhook

import (
	"crypto/sha1" //nolint:gosec // see HMACSettings.Algorithm
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
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
	newHash func() hash.Hash
	secrets []secret.Text
	decode  func(string) ([]byte, error)
}

// NewHMAC returns a verifier that accepts a signature with any of the secrets. The error joins a setup.FieldError for
// every fault of the settings.
func NewHMAC(c HMACSettings) (*HMAC, error) {
	setup.Default(&c.Algorithm, "sha256")
	secrets, err := parseSecrets(secret.RevealAll(c.Secrets), decodePlain)
	if err := errors.Join(setup.InField("secrets", err), setup.FaultsOf(&c)); err != nil {
		return nil, err
	}
	c.Secrets = nil
	return &HMAC{
		config:  c,
		newHash: hashOf(c.Algorithm),
		secrets: secrets,
		decode:  decoderOf(c.Encoding),
	}, nil
}

// hashOf returns the hash of an algorithm that HMACSettings lists.
func hashOf(algorithm string) func() hash.Hash {
	switch algorithm {
	case "sha512":
		return sha512.New
	case "sha1":
		return sha1.New
	}
	return sha256.New
}

// decoderOf returns the decoder of an encoding that HMACSettings lists.
func decoderOf(encoding string) func(string) ([]byte, error) {
	if encoding == "base64" {
		return base64.StdEncoding.Strict().DecodeString
	}
	return hex.DecodeString
}

// Verify implements Verifier.
func (v *HMAC) Verify(now time.Time, r Request) error {
	header, body := r.Header, r.Body
	value, err := singleHeader(header, v.config.Header)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(value, v.config.Prefix)
	if !ok {
		return refuse(refusal.Malformed, v.config.Header, "the header %s does not begin with %q", v.config.Header, v.config.Prefix)
	}
	got, err := v.decode(text)
	if err != nil {
		return refuse(refusal.Malformed, v.config.Header, "the signature in the header %s is not %s", v.config.Header, v.config.Encoding)
	}
	var signed []byte
	if name := v.config.TimestampHeader; name != "" {
		sent, err := singleHeader(header, name)
		if err != nil {
			return err
		}
		if err := checkSendTime(name, sent, now, v.config.Tolerance); err != nil {
			return err
		}
		signed = append([]byte(sent), '.')
	}
	if !matchMAC(v.newHash, v.secrets, append(signed, body...), got) {
		return mismatch(v.config.Header)
	}
	return nil
}

// mismatch returns the error of a signature that does not match.
func mismatch(header string) error {
	return refuse(refusal.Mismatch, header, "the signature in the header %s matches none of the configured secrets", header)
}
