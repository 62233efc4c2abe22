package webhook

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Standard signs and verifies Standard Webhooks with symmetric keys, version v1 of
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
// HMAC-SHA256 of ID.TIMESTAMP.BODY, base64, in the header webhook-signature.
type Standard struct{ secrets []secret }

// Headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// standardTolerance is how far the time of sending may be from ours.
const standardTolerance = 5 * time.Minute

// maxSignatures bounds how many signatures of one request are looked at.
const maxSignatures = 16

// NewStandard returns a signer and verifier. Secrets are base64, with or without
// the prefix whsec_. While they rotate there are several: all sign, and any
// verifies.
func NewStandard(texts ...string) (*Standard, error) {
	list, err := secrets(texts, func(text string) ([]byte, error) {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil {
			return nil, errors.New("is not whsec_ and base64")
		}
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	return &Standard{list}, nil
}

// Sign returns the headers for a body. The ID is the same for every attempt to
// send the same thing.
func (s *Standard) Sign(id string, now time.Time, body []byte) http.Header {
	sent := strconv.FormatInt(now.Unix(), 10)
	signed := content(id, sent, body)
	signatures := make([]string, len(s.secrets))
	for i, key := range s.secrets {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(sign(key, signed))
	}
	h := http.Header{}
	h.Set(headerID, id)
	h.Set(headerTimestamp, sent)
	h.Set(headerSignature, strings.Join(signatures, " "))
	return h
}

// Verify implements Verifier.
func (s *Standard) Verify(now time.Time, header http.Header, body []byte) error {
	return verifyStandard(now, header, body, map[string]check{"v1": s.check})
}

func (s *Standard) check(signed []byte, got ...[]byte) error {
	return matches(s.secrets, signed, got...)
}

// check says whether one of the signatures of one version is of what was signed.
type check func(signed []byte, got ...[]byte) error

// verifyStandard takes a request of which one signature, of a version that is
// known, is right.
func verifyStandard(now time.Time, header http.Header, body []byte, versions map[string]check) error {
	id, err := one(header, headerID)
	if err != nil {
		return err
	}
	sent, err := one(header, headerTimestamp)
	if err != nil {
		return err
	}
	signatures, err := one(header, headerSignature)
	if err != nil {
		return err
	}
	if err := fresh(sent, now, standardTolerance); err != nil {
		return err
	}
	why, found := ErrMissing, map[string][][]byte{} // of a version that we know
	for i, part := range strings.Split(signatures, " ") {
		version, text, _ := strings.Cut(part, ",")
		if versions[version] == nil || i >= maxSignatures {
			continue
		}
		got, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			why = ErrMalformed
			continue
		}
		found[version] = append(found[version], got)
	}
	signed := content(id, sent, body)
	for version, got := range found {
		if why = versions[version](signed, got...); why == nil {
			return nil
		}
	}
	return why
}

func content(id, sent string, body []byte) []byte {
	return append([]byte(id+"."+sent+"."), body...)
}
