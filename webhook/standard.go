package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

// Standard signs and verifies Standard Webhooks with symmetric keys, version v1 of
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: HMAC-SHA256 of
// ID.TIMESTAMP.BODY, base64, in the header webhook-signature.
type Standard struct{ secrets []secret.Text }

// Headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// standardTolerance is how far the time of sending may be from our time.
const standardTolerance = 5 * time.Minute

// maxSignatures bounds the signatures of a request that are checked.
const maxSignatures = 16

// NewStandard returns a signer and verifier. Secrets are base64, with or without the prefix whsec_. While secrets
// rotate there are several: each signs, and a signature with any of them is accepted.
func NewStandard(signingSecrets ...string) (*Standard, error) {
	secrets, err := parseSecrets(signingSecrets, decodeStandard)
	if err != nil {
		return nil, err
	}
	return &Standard{secrets}, nil
}

func decodeStandard(text string) ([]byte, error) {
	if strings.HasPrefix(text, "v1,") {
		return nil, errors.New("begins with v1, as a signature does; remove it, so that the secret begins with whsec_")
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	if err != nil {
		return nil, errors.New("is not base64, with or without whsec_ before it")
	}
	return b, nil
}

// Sign returns the headers for a body. The ID is the same in all attempts to send a message.
func (s *Standard) Sign(id string, now time.Time, body []byte) http.Header {
	return signatureHeader(id, now, s.signatures(id, now, body))
}

// signatures returns a signature with each secret.
func (s *Standard) signatures(id string, now time.Time, body []byte) []string {
	signed := signedContent(id, timestampOf(now), body)
	signatures := make([]string, len(s.secrets))
	for i, key := range s.secrets {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(computeMAC(sha256.New, key, signed))
	}
	return signatures
}

func signatureHeader(id string, now time.Time, signatures []string) http.Header {
	h := http.Header{}
	h.Set(headerID, id)
	h.Set(headerTimestamp, timestampOf(now))
	h.Set(headerSignature, strings.Join(signatures, " "))
	return h
}

func timestampOf(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// Verify implements Verifier.
func (s *Standard) Verify(now time.Time, r Request) error {
	header, body := r.Header, r.Body
	return verifyStandard(now, header, body, map[string]matcher{"v1": s.match})
}

func (s *Standard) match(signed []byte, signatures ...[]byte) bool {
	return matchSHA256(s.secrets, signed, signatures...)
}

// matcher reports whether a signature of the signed bytes is among the signatures, all of them of the same version.
type matcher func(signed []byte, signatures ...[]byte) bool

// verifyStandard accepts a request if a signature of any supported version matches.
func verifyStandard(now time.Time, header http.Header, body []byte, versions map[string]matcher) error {
	id, err := singleHeader(header, headerID)
	if err != nil {
		return err
	}
	sent, err := singleHeader(header, headerTimestamp)
	if err != nil {
		return err
	}
	value, err := singleHeader(header, headerSignature)
	if err != nil {
		return err
	}
	if err := checkSendTime(headerTimestamp, sent, now, standardTolerance); err != nil {
		return err
	}
	signatures, err := parseSignatures(value, versions)
	if err != nil {
		return err
	}
	signed := signedContent(id, sent, body)
	for version, list := range signatures {
		if versions[version](signed, list...) {
			return nil
		}
	}
	return mismatch(headerSignature)
}

// parseSignatures reads the signatures of the supported versions, by version. A malformed signature is skipped if
// another can be read.
func parseSignatures(value string, versions map[string]matcher) (map[string][][]byte, error) {
	signatures := map[string][][]byte{}
	malformed := false
	for i, part := range strings.Split(value, " ") {
		version, text, _ := strings.Cut(part, ",")
		if versions[version] == nil || i >= maxSignatures {
			continue
		}
		got, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			malformed = true
			continue
		}
		signatures[version] = append(signatures[version], got)
	}
	switch {
	case len(signatures) > 0:
		return signatures, nil
	case malformed:
		return nil, refuse(refusal.Malformed, headerSignature, "the signature in the header %s is not base64", headerSignature)
	}
	supported := strings.Join(slices.Sorted(maps.Keys(versions)), " or ")
	return nil, refuse(refusal.Missing, headerSignature, "the header %s has no signature of version %s", headerSignature, supported)
}

func signedContent(id, sent string, body []byte) []byte {
	return append([]byte(id+"."+sent+"."), body...)
}
