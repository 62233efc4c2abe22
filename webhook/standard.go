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
type Standard struct {
	secrets []secret.Text
	// hashes keeps the hashes of each secret, if they are used again, see reusingHashes.
	hashes []*hashPool
}

// Headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Headers of Svix, whose scheme became Standard Webhooks, and of the services that send through it.
const (
	svixID        = "Svix-Id"
	svixTimestamp = "Svix-Timestamp"
	svixSignature = "Svix-Signature"
)

// standardTolerance is how far the time of sending may be from our time.
const standardTolerance = 5 * time.Minute

// NewStandard returns a signer and verifier. Secrets are base64, with or without the prefix whsec_. While secrets
// rotate there are several: each signs, and a signature with any of them is accepted.
func NewStandard(signingSecrets ...string) (*Standard, error) {
	secrets, err := parseSecrets(signingSecrets, decodeStandard)
	if err != nil {
		return nil, err
	}
	return &Standard{secrets: secrets}, nil
}

// reusingHashes returns a copy that uses its hashes again: making one costs more than a message. Settings have the other
// kind, because they are compared with reflect.DeepEqual.
func (s *Standard) reusingHashes() *Standard {
	hashes := make([]*hashPool, len(s.secrets))
	for i, key := range s.secrets {
		hashes[i] = newHashPool(sha256.New, key)
	}
	return &Standard{secrets: s.secrets, hashes: hashes}
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
		var mac []byte
		if s.hashes != nil {
			mac = s.hashes[i].computeMAC(signed)
		} else {
			mac = computeMAC(sha256.New, key, signed)
		}
		var text [maxSignatureText]byte
		signatures[i] = string(base64.StdEncoding.AppendEncode(append(text[:0], "v1,"...), mac))
	}
	return signatures
}

// maxSignatureText is more than the length of a signature of the version v1, in bytes.
const maxSignatureText = 64

func signatureHeader(id string, now time.Time, signatures []string) http.Header {
	values := []string{id, timestampOf(now), strings.Join(signatures, " ")} // in one array
	return http.Header{
		headerID:        values[0:1:1],
		headerTimestamp: values[1:2:2],
		headerSignature: values[2:3:3],
	}
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

// verifyStandard accepts a request if a signature of any supported version matches. The headers have the names of
// Standard Webhooks, or all three of them the names of Svix.
func verifyStandard(now time.Time, header http.Header, body []byte, versions map[string]matcher) error {
	nameID, nameTime, nameSignature := headerID, headerTimestamp, headerSignature
	if header.Get(headerID) == "" && header.Get(headerSignature) == "" && header.Get(svixID) != "" {
		nameID, nameTime, nameSignature = svixID, svixTimestamp, svixSignature
	}
	id, err := singleHeader(header, nameID)
	if err != nil {
		return err
	}
	if err := checkID(nameID, id); err != nil {
		return err
	}
	sent, err := singleHeader(header, nameTime)
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(slices.Clone(header.Values(nameSignature)), func(line string) bool { return line == "" })
	if len(lines) == 0 {
		return refuse(refusal.Missing, nameSignature, "the header %s is missing or empty", nameSignature)
	}
	if err := checkSendTime(nameTime, "unix", sent, now, standardTolerance); err != nil {
		return err
	}
	signatures, err := parseSignatures(nameSignature, strings.Join(lines, " "), versions)
	if err != nil {
		return err
	}
	signed := signedContent(id, sent, body)
	for version, list := range signatures {
		if versions[version](signed, list...) {
			return nil
		}
	}
	return mismatch(nameSignature)
}

// parseSignatures reads the signatures of the supported versions, by version. A malformed signature is skipped if
// another can be read.
func parseSignatures(header, value string, versions map[string]matcher) (map[string][][]byte, error) {
	signatures := map[string][][]byte{}
	malformed := false
	for i, pair := range splitStandard(value) {
		version := pair[0]
		if versions[version] == nil || i >= maxSignatures {
			continue
		}
		got, err := decodeBase64(pair[1]) //nolint:gosec // a pair has two
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
		return nil, refuse(refusal.Malformed, header, "the signature in the header %s is not base64", header)
	}
	supported := strings.Join(slices.Sorted(maps.Keys(versions)), " or ")
	return nil, refuse(refusal.Missing, header, "the header %s has no signature of version %s", header, supported)
}

// splitStandard returns the versions of a value with their signatures, such as v1 and g0hM9…. Spaces separate them, and
// also commas, where a proxy has joined several lines of the header.
func splitStandard(value string) [][2]string {
	var pairs [][2]string
	for part := range strings.FieldsSeq(value) {
		items := strings.FieldsFunc(part, func(r rune) bool { return r == ',' })
		for ; len(items) >= 2; items = items[2:] {
			pairs = append(pairs, [2]string{items[0], items[1]})
		}
	}
	return pairs
}

func signedContent(id, sent string, body []byte) []byte {
	signed := make([]byte, 0, len(id)+len(sent)+2+len(body))
	signed = append(append(append(append(signed, id...), '.'), sent...), '.')
	return append(signed, body...)
}
