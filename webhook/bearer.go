package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

// Bearer verifies a bearer token (RFC 6750).
type Bearer struct{ digests [][sha256.Size]byte }

// NewBearer returns a verifier that accepts any of the tokens.
func NewBearer(tokens ...string) (*Bearer, error) {
	digests, err := digestSecrets("tokens", secret.NewAll(tokens))
	if err != nil {
		return nil, err
	}
	return &Bearer{digests}, nil
}

// Verify implements Verifier.
func (v *Bearer) Verify(_ time.Time, r Request) error {
	_, err := v.Find(r.Header)
	return err
}

// Find returns the index of the token of a request among the tokens of NewBearer. It compares digests, so that its
// duration shows neither content nor length of a token.
func (v *Bearer) Find(header http.Header) (int, error) {
	value, err := singleHeader(header, "Authorization")
	if err != nil {
		return 0, err
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return 0, refuse(refusal.Malformed, "Authorization", "the header Authorization has no bearer token")
	}
	i := indexDigest(v.digests, strings.TrimSpace(token))
	if i < 0 {
		return 0, refuse(refusal.Mismatch, "Authorization", "the header Authorization has an unknown bearer token")
	}
	return i, nil
}

// indexDigest returns in constant time the index of the digest of a text in the list, or -1.
func indexDigest(digests [][sha256.Size]byte, text string) int {
	got := sha256.Sum256([]byte(text))
	found := -1
	for i, want := range digests {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(got[:], want[:]), i, found)
	}
	return found
}
