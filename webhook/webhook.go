// Package webhook verifies the requests of third parties before anything in them is parsed, and signs our own. Each
// scheme has a file of its own: a type that implements Verifier, and a constructor that refuses weak secrets.
package webhook

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
)

// Request is what a scheme verifies. Nothing in it was parsed before.
type Request struct {
	// Method is the method of HTTP, and URL the whole URL as the sender knows it, with its query. They are empty if they
	// are not known; then schemes that sign them refuse the request.
	Method string
	URL    string
	Header http.Header
	// Query is the raw query of the URL, for senders that can send a credential in no other place.
	Query string
	Body  []byte
	// Certificates are the verified client certificates of the connection, if our own listener has checked them.
	Certificates []*x509.Certificate
}

// Verifier checks that a request comes from its claimed sender. The error is a *refusal.Error about the header at fault
// with the code Missing, Malformed, Mismatch or Stale. It never quotes a secret, a signature or the body.
type Verifier interface {
	Verify(now time.Time, r Request) error
}

// The reasons to refuse a request, for errors.Is.
var (
	ErrMissing   error = &refusal.Error{Code: refusal.Missing}
	ErrMalformed error = &refusal.Error{Code: refusal.Malformed}
	ErrMismatch  error = &refusal.Error{Code: refusal.Mismatch}
	ErrStale     error = &refusal.Error{Code: refusal.Stale}
)

// refuse returns the refusal of a request for a fault of this header or member.
func refuse(code refusal.Code, field, format string, args ...any) error {
	return &refusal.Error{Code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// singleHeader returns the value of a header that must be sent once. A second value is refused, because a proxy or a
// framework might have chosen the other.
func singleHeader(h http.Header, name string) (string, error) {
	switch values := h.Values(name); {
	case len(values) == 0 || values[0] == "":
		return "", refuse(refusal.Missing, name, "the header %s is missing or empty", name)
	case len(values) > 1:
		return "", refuse(refusal.Malformed, name, "the header %s was sent more than once", name)
	default:
		return values[0], nil
	}
}
