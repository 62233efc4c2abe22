package webhook

import (
	"crypto/sha1" //nolint:gosec // see HMACSettings.Algorithm
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/secret"
)

// HMAC verifies the signature of an HMACSettings.
type HMAC struct {
	config  HMACSettings
	newHash func() hash.Hash
	secrets []secret.Text
	decode  func(string) ([]byte, error)
}

// NewHMAC returns a verifier that accepts a signature with any of the secrets.
func NewHMAC(c HMACSettings) (*HMAC, error) {
	secrets, err := parseSecrets(secret.RevealAll(c.Secrets), decodePlain)
	if err != nil {
		return nil, err
	}
	c.Secrets = nil
	v := &HMAC{config: c, secrets: secrets}
	switch c.Algorithm {
	case "sha256", "":
		v.newHash = sha256.New
	case "sha512":
		v.newHash = sha512.New
	case "sha1":
		v.newHash = sha1.New
	default:
		return nil, fmt.Errorf("algorithm: %q is not sha256, sha512 or sha1", c.Algorithm)
	}
	switch c.Encoding {
	case "hex":
		v.decode = hex.DecodeString
	case "base64":
		v.decode = base64.StdEncoding.Strict().DecodeString
	default:
		return nil, fmt.Errorf("encoding: %q is not hex or base64", c.Encoding)
	}
	if c.Header == "" {
		return nil, errors.New("header: is missing")
	}
	return v, nil
}

// Verify implements Verifier.
func (v *HMAC) Verify(now time.Time, header http.Header, body []byte) error {
	value, err := singleHeader(header, v.config.Header)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(value, v.config.Prefix)
	if !ok {
		return refuse(ErrMalformed, "the header %s does not begin with %q", v.config.Header, v.config.Prefix)
	}
	got, err := v.decode(text)
	if err != nil {
		return refuse(ErrMalformed, "the signature in the header %s is not %s", v.config.Header, v.config.Encoding)
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
	return refuse(ErrMismatch, "the signature in the header %s matches none of the configured secrets", header)
}
