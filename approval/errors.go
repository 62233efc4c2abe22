package approval

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotFound is returned for an order or approval that the store does not know.
var ErrNotFound = WithReasonCode(ReasonNotFound, errors.New("not found"))

// ErrClosed is returned by a target if its workflow no longer waits: the task has expired or was answered before. The
// target does not tell these two cases apart.
var ErrClosed = WithReasonCode(ReasonTaskClosed, errors.New("the workflow no longer waits"))

// Permanent marks an error that a retry cannot cure: the message becomes a dead letter, the callback is exhausted, an
// HTTP caller gets a 4xx. A nil error stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// InvalidField returns a Permanent error about a field of a request or decision.
func InvalidField(field, format string, args ...any) error {
	return Permanent(&FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

// FieldError names an invalid field and the reason. It never contains the value, because that may be a secret.
type FieldError struct {
	Field  string
	Reason string
}

// Error returns "field: reason".
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// ReasonCode implements CodedError: "invalid_field:order" for the field "order".
func (e *FieldError) ReasonCode() ReasonCode { return NamedReasonCode("invalid_field:" + e.Field) }

// OrderFullError is the error of a request or decision that the record of its order cannot hold now. It is temporary: a
// queue delivers the message again, an HTTP caller gets 503 with Retry-After. Closed approvals leave the record when
// their retention ends.
type OrderFullError struct{ reason string }

// OrderFull returns an OrderFullError with a reason. It is for transitions and for stores.
func OrderFull(format string, args ...any) error {
	return &OrderFullError{fmt.Sprintf(format, args...)}
}

// Error returns the reason.
func (e *OrderFullError) Error() string { return "the order is full: " + e.reason }

// ReasonCode implements CodedError.
func (*OrderFullError) ReasonCode() ReasonCode { return ReasonOrderFull }

// NotApplied marks a failed call that certainly changed nothing at the other end: it was refused, throttled or never
// sent. A failed call without this mark may have been applied.
func NotApplied(err error) error {
	if err == nil {
		return nil
	}
	return &notAppliedError{err}
}

type notAppliedError struct{ error }

func (e *notAppliedError) Unwrap() error { return e.error }

// NotMade marks the error of a call that was held back in this process and never left it. It counts as no attempt: the
// call is made later. RetryAfter can state when.
func NotMade(err error) error {
	if err == nil {
		return nil
	}
	return &notMadeError{err}
}

type notMadeError struct{ error }

func (e *notMadeError) Unwrap() error { return e.error }

// MaxRetryAfter is the longest wait that the other end of a call can ask for.
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
