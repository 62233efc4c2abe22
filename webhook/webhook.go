// Package webhook verifies the requests of third parties before anything in them is parsed, and signs our own. Each
// scheme has a file of its own: a type that implements Verifier, and a constructor that refuses weak secrets.
package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Verifier checks that a request comes from its claimed sender. The error is a sentence about the header at fault. It
// wraps ErrMissing, ErrMalformed, ErrMismatch or ErrStale, and never quotes a secret, a signature or the body.
type Verifier interface {
	Verify(now time.Time, header http.Header, body []byte) error
}

// The reasons to refuse a request.
var (
	ErrMissing   = errors.New("the signature or credential is missing")
	ErrMalformed = errors.New("the signature or credential is malformed")
	ErrMismatch  = errors.New("the signature or credential does not match")
	ErrStale     = errors.New("the time of sending is too far from our time")
)

// refusal is the error of a request that is refused. Its text says more than the reason that it wraps.
type refusal struct {
	reason error
	text   string
}

// refuse returns an error with a text of its own. errors.Is finds the reason in it.
func refuse(reason error, format string, args ...any) error {
	return &refusal{reason: reason, text: fmt.Sprintf(format, args...)}
}

// Error returns the text.
func (r *refusal) Error() string { return r.text }

// Unwrap returns the reason.
func (r *refusal) Unwrap() error { return r.reason }

// singleHeader returns the value of a header that must be sent once. A second value is refused, because a proxy or a
// framework might have chosen the other.
func singleHeader(h http.Header, name string) (string, error) {
	switch values := h.Values(name); {
	case len(values) == 0 || values[0] == "":
		return "", refuse(ErrMissing, "the header %s is missing or empty", name)
	case len(values) > 1:
		return "", refuse(ErrMalformed, "the header %s was sent more than once", name)
	default:
		return values[0], nil
	}
}

// checkSendTime checks a time of sending in Unix seconds, from the named header, against our time.
func checkSendTime(name, text string, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != text || seconds < 0 || seconds > 1<<40 {
		return refuse(ErrMalformed, "the time of sending in the header %s is not in Unix seconds", name)
	}
	return checkAge("the header "+name, now.Sub(time.Unix(seconds, 0)), tolerance, tolerance)
}

// checkAge refuses a message that was sent too long ago, or in our future.
func checkAge(place string, age, maxAge, maxAhead time.Duration) error {
	switch {
	case age > maxAge:
		return refuse(ErrStale, "the time of sending in %s is more than %s in the past", place, maxAge)
	case age < -maxAhead:
		return refuse(ErrStale, "the time of sending in %s is more than %s in the future", place, maxAhead)
	}
	return nil
}
