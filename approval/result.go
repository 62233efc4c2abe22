package approval

import (
	"errors"
	"time"
)

// Result is the result of a single attempt, read from the error of the call.
type Result struct {
	Kind ResultKind
	// MaybeApplied reports whether a failed attempt may have taken effect all the same.
	MaybeApplied bool
	// After is the minimum wait before the next attempt, at most MaxRetryAfter.
	After time.Duration
	// RefusalLimit is the time for which a refusal is retried, see RetryRefusal. It is 0 for every other result.
	RefusalLimit time.Duration
	// Receipt identifies the message that a channel sent, for editing it later. Not every channel has receipts.
	Receipt string
	// Reason is the text of the error. Targets and channels keep secrets out of it.
	Reason string
	// ReasonCode is the code of the error, see ReasonCodeOf.
	ReasonCode ReasonCode
}

// ResultKind names a kind of result.
type ResultKind string

// The kinds of results.
const (
	ResultOK      ResultKind = "ok"
	ResultClosed  ResultKind = "closed"  // the target no longer waits
	ResultRefused ResultKind = "refused" // refused for good; a retry is useless
	ResultFailed  ResultKind = "failed"  // failed for now; it is retried
	// ResultInterrupted means that an attempt was begun, and that its process ended, or lost the store, before it recorded a
	// result. Whether the call was made is not known. It is made again.
	ResultInterrupted ResultKind = "interrupted"
	// ResultNotMade means that no call was made: our own rate limit or an open circuit held it back, or the process
	// stopped. It counts as no attempt.
	ResultNotMade ResultKind = "not_made"
)

// ResultOf returns the result for the error of a call: nil is ok, ErrClosed is closed, a Permanent error is refused,
// an error of NotMade is not made, and every other
// error is failed.
func ResultOf(err error) Result {
	if err == nil {
		return Result{Kind: ResultOK}
	}
	r := Result{
		Kind:       ResultFailed,
		Reason:     truncate(err.Error(), maxReason),
		ReasonCode: ReasonCodeOf(err),
	}
	var notApplied *notAppliedError
	var notMade *notMadeError
	var refusal *retryRefusalError
	if after, ok := errors.AsType[*retryAfterError](err); ok {
		r.After = min(max(after.wait, 0), MaxRetryAfter)
	}
	switch {
	case errors.Is(err, ErrClosed):
		r.Kind = ResultClosed
	case errors.As(err, &refusal) && refusal.limit > 0:
		r.RefusalLimit = refusal.limit
	case IsPermanent(err):
		r.Kind = ResultRefused
	case errors.As(err, &notMade):
		r.Kind = ResultNotMade
	default:
		r.MaybeApplied = !errors.As(err, &notApplied)
	}
	return r
}

// maxReason is the maximum length of a stored reason, in bytes.
const maxReason = 500

// truncate shortens s to at most n bytes and an ellipsis, without cutting a character in two.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
