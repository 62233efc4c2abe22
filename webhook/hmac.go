package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // see HMACConfig.Algorithm
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"time"
)

// HMACConfig describes a signature as many services send it: an HMAC of the body in
// a header.
type HMACConfig struct {
	// Algorithm is sha256, sha512 or sha1. An HMAC with SHA-1 cannot be forged, as
	// far as anybody knows; it is there for senders who have no other.
	Algorithm string
	Header    string // that has the signature
	Prefix    string // what its value begins with, such as "sha256="
	Encoding  string // hex or base64
	Secrets   []string
	// TimestampHeader has the time of sending in Unix seconds. Where it is set,
	// TIMESTAMP.BODY is signed, and a time further than Tolerance from ours is
	// refused. Where it is not, a request can be sent again by whoever saw it; the
	// decision is then already recorded.
	TimestampHeader string
	Tolerance       time.Duration
}

// HMAC verifies such a signature.
type HMAC struct {
	config  HMACConfig
	hash    func() hash.Hash
	secrets []secret
	decode  func(string) ([]byte, error)
}

// NewHMAC returns a verifier that takes a signature with any of the secrets.
func NewHMAC(c HMACConfig) (*HMAC, error) {
	list, err := secrets(c.Secrets, asIs)
	if err != nil {
		return nil, err
	}
	c.Secrets = nil
	v := &HMAC{config: c, secrets: list}
	switch c.Algorithm {
	case "sha256", "":
		v.hash = sha256.New
	case "sha512":
		v.hash = sha512.New
	case "sha1":
		v.hash = sha1.New
	default:
		return nil, fmt.Errorf("algorithm %q is not sha256, sha512 or sha1", c.Algorithm)
	}
	switch c.Encoding {
	case "hex":
		v.decode = hex.DecodeString
	case "base64":
		v.decode = base64.StdEncoding.Strict().DecodeString
	default:
		return nil, fmt.Errorf("encoding %q is not hex or base64", c.Encoding)
	}
	if c.Header == "" {
		return nil, fmt.Errorf("no signature header is configured")
	}
	return v, nil
}

// Verify implements Verifier.
func (v *HMAC) Verify(now time.Time, header http.Header, body []byte) error {
	value, err := one(header, v.config.Header)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(value, v.config.Prefix)
	if !ok {
		return fmt.Errorf("header %s: %w", v.config.Header, ErrMalformed)
	}
	got, err := v.decode(text)
	if err != nil {
		return fmt.Errorf("header %s: %w", v.config.Header, ErrMalformed)
	}
	var signed []byte
	if v.config.TimestampHeader != "" {
		sent, err := one(header, v.config.TimestampHeader)
		if err != nil {
			return err
		}
		if err := fresh(sent, now, v.config.Tolerance); err != nil {
			return err
		}
		signed = append([]byte(sent), '.')
	}
	return matchesBy(v.hash, v.secrets, append(signed, body...), got)
}

// matches says whether one of the secrets made one of the signatures, by HMAC-SHA256.
func matches(list []secret, signed []byte, got ...[]byte) error {
	return matchesBy(sha256.New, list, signed, got...)
}

// matchesBy reads what is signed once for each secret, however many signatures
// there are.
func matchesBy(h func() hash.Hash, list []secret, signed []byte, got ...[]byte) error {
	found := false
	for _, s := range list {
		mac := hmac.New(h, s.reveal())
		mac.Write(signed)
		want := mac.Sum(nil)
		for _, g := range got {
			found = hmac.Equal(want, g) || found
		}
	}
	if !found {
		return ErrMismatch
	}
	return nil
}

func sign(s secret, message []byte) []byte {
	h := hmac.New(sha256.New, s.reveal())
	h.Write(message)
	return h.Sum(nil)
}
