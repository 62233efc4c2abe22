// Package webhook verifies what third parties send, before anything of it is
// parsed, and signs what we send. Every scheme is one file: a type with the one
// method of Verifier and a constructor that refuses secrets that are none.
package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Verifier says whether a request is from the one that it claims to be from.
// The error says why not; it holds neither secret nor signature nor body.
type Verifier interface {
	Verify(now time.Time, header http.Header, body []byte) error
}

// Why a request is not believed.
var (
	ErrMissing   = errors.New("signature or credential missing")
	ErrMalformed = errors.New("signature malformed")
	ErrMismatch  = errors.New("signature or credential does not match")
	ErrStale     = errors.New("time of sending too far from ours")
)

// MinSecret is the shortest secret taken, in bytes. Shorter ones can be guessed
// from one signed request.
const MinSecret = 16

// secret is bytes that are not shown.
type secret struct{ b *[]byte }

func newSecret(b []byte) secret { return secret{&b} }

// reveal returns the bytes.
func (s secret) reveal() []byte { return *s.b }

// String hides the secret.
func (secret) String() string { return "[secret]" }

// GoString hides the secret.
func (secret) GoString() string { return "[secret]" }

// LogValue hides the secret.
func (secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON hides the secret.
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }

// secrets reads the secrets of a scheme; decode turns a text into bytes.
func secrets(texts []string, decode func(string) ([]byte, error)) ([]secret, error) {
	if len(texts) == 0 {
		return nil, errors.New("no secret is configured")
	}
	out := make([]secret, 0, len(texts))
	for i, text := range texts {
		b, err := decode(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		if len(b) < MinSecret {
			return nil, fmt.Errorf("secret %d: has %d bytes, the least is %d", i+1, len(b), MinSecret)
		}
		out = append(out, newSecret(b))
	}
	return out, nil
}

func asIs(text string) ([]byte, error) { return []byte(text), nil }

// one returns the only value of a header. Two of them are malformed: which one a
// proxy or a framework would have taken is not for us to guess.
func one(h http.Header, name string) (string, error) {
	switch v := h.Values(name); {
	case len(v) == 0 || v[0] == "":
		return "", fmt.Errorf("header %s: %w", name, ErrMissing)
	case len(v) > 1:
		return "", fmt.Errorf("header %s: %w", name, ErrMalformed)
	default:
		return v[0], nil
	}
}

// fresh reads a time of sending in Unix seconds and holds it against ours.
func fresh(text string, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != text || seconds < 0 || seconds > 1<<40 {
		return fmt.Errorf("time of sending: %w", ErrMalformed)
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > tolerance || d < -tolerance {
		return ErrStale
	}
	return nil
}

// Bearer verifies a bearer token (RFC 6750).
type Bearer struct{ digests [][sha256.Size]byte }

// NewBearer returns a verifier that takes any of the tokens.
func NewBearer(tokens ...string) (*Bearer, error) {
	list, err := secrets(tokens, asIs)
	if err != nil {
		return nil, err
	}
	v := &Bearer{}
	for _, s := range list {
		v.digests = append(v.digests, sha256.Sum256(s.reveal()))
	}
	return v, nil
}

// Verify implements Verifier. Digests are compared, so that neither content nor
// length shows in the time it takes.
func (v *Bearer) Verify(_ time.Time, header http.Header, _ []byte) error {
	value, err := one(header, "Authorization")
	if err != nil {
		return err
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return fmt.Errorf("authorization is no bearer token: %w", ErrMalformed)
	}
	got, ok := sha256.Sum256([]byte(strings.TrimSpace(token))), 0
	for _, want := range v.digests {
		ok |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	if ok != 1 {
		return ErrMismatch
	}
	return nil
}
