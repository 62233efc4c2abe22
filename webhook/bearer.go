package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/setup"
)

// Bearer verifies a bearer token (RFC 6750).
type Bearer struct{ digests [][sha256.Size]byte }

// NewBearer returns a verifier that accepts any of the tokens.
func NewBearer(tokens ...string) (*Bearer, error) {
	secrets, err := parseSecrets(tokens, decodePlain)
	if err != nil {
		return nil, setup.InField("tokens", err)
	}
	v := &Bearer{}
	for _, s := range secrets {
		v.digests = append(v.digests, sha256.Sum256([]byte(s.Reveal())))
	}
	return v, nil
}

// Verify implements Verifier. It compares digests, so that its duration shows neither content nor length of a token.
func (v *Bearer) Verify(_ time.Time, header http.Header, _ []byte) error {
	value, err := singleHeader(header, "Authorization")
	if err != nil {
		return err
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return refuse(ErrMalformed, "the header Authorization has no bearer token")
	}
	if !containsDigest(v.digests, strings.TrimSpace(token)) {
		return refuse(ErrMismatch, "the header Authorization has an unknown bearer token")
	}
	return nil
}

// containsDigest reports in constant time whether the digest of a text is in the list.
func containsDigest(digests [][sha256.Size]byte, text string) bool {
	got := sha256.Sum256([]byte(text))
	found := 0
	for _, want := range digests {
		found |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return found == 1
}
