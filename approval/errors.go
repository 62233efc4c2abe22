package approval

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotFound says that nothing is known of an order or approval.
var ErrNotFound = errors.New("not found")

// ErrClosed says that a target no longer waits: the task has expired or was
// answered before, it cannot be told which.
var ErrClosed = errors.New("the workflow no longer waits")

// Permanent marks an error that no later attempt can cure: the message becomes
// a dead letter, the callback is given up, an HTTP caller gets a 4xx. A nil
// error stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// IsPermanent says whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// InvalidField returns a Permanent error about one field of what came in.
func InvalidField(field, format string, args ...any) error {
	return Permanent(&FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

// FieldError names what was wrong with which field of what came in. It never
// holds the value, which may be a secret.
type FieldError struct {
	Field  string
	Reason string
}

// Error returns "field: reason".
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// NotApplied marks a failed call that surely changed nothing at the other end
// (refused, throttled, never sent). Unmarked failures may have been applied.
func NotApplied(err error) error {
	if err == nil {
		return nil
	}
	return &notAppliedError{err}
}

type notAppliedError struct{ error }

func (e *notAppliedError) Unwrap() error { return e.error }

// MaxRetryAfter caps what a Retry-After may ask for.
const MaxRetryAfter = 15 * time.Minute

// RetryAfter marks a failed call with the wait that the other end asked for.
func RetryAfter(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, wait}
}

type retryAfterError struct {
	error
	wait time.Duration
}

func (e *retryAfterError) Unwrap() error { return e.error }

// Result is the end of one attempt, read from the error of the call.
type Result struct {
	Kind ResultKind
	// MaybeApplied says of a failed attempt that it may have worked all the same.
	MaybeApplied bool
	// After is the least wait before the next attempt, at most MaxRetryAfter.
	After time.Duration
	// Receipt is what a channel needs to edit the message that it sent, if it can.
	Receipt string
	// Reason is the error's text; the targets and channels keep secrets out of it.
	Reason string
}

// ResultKind is how an attempt ended.
type ResultKind string

// The ends of an attempt.
const (
	ResultOK      ResultKind = "ok"
	ResultClosed  ResultKind = "closed"  // the target no longer waits
	ResultRefused ResultKind = "refused" // and always will be
	ResultFailed  ResultKind = "failed"  // to be tried again
)

// ResultOf reads the error of a call: nil is ok, ErrClosed closed, Permanent
// refused, anything else failed.
func ResultOf(err error) Result {
	if err == nil {
		return Result{Kind: ResultOK}
	}
	r := Result{Kind: ResultFailed, Reason: truncate(err.Error(), maxReason)}
	var notApplied *notAppliedError
	if after, ok := errors.AsType[*retryAfterError](err); ok {
		r.After = min(max(after.wait, 0), MaxRetryAfter)
	}
	switch {
	case errors.Is(err, ErrClosed):
		r.Kind = ResultClosed
	case IsPermanent(err):
		r.Kind = ResultRefused
	default:
		r.MaybeApplied = !errors.As(err, &notApplied)
	}
	return r
}

// maxReason bounds a stored reason, in bytes.
const maxReason = 500

// truncate shortens s to at most n bytes without cutting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
