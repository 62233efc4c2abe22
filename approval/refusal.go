package approval

import "time"

// RetryRefusal marks a refusal that may pass by itself: a receiver that is being rolled out answers 404 for a while. It is
// retried until the refusals have lasted for the limit; then the last of them is final, as a Permanent error is at once. A
// failure of another kind in between begins the time again. An error that is not retried at all has the limit 0.
func RetryRefusal(err error, limit time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryRefusalError{err, limit}
}

type retryRefusalError struct {
	error
	limit time.Duration
}

func (e *retryRefusalError) Unwrap() error { return e.error }

// judgeRefusal returns the result of an attempt with a refusal that may pass as a failure while it is retried, and as a
// refusal from then on.
func (c *Callback) judgeRefusal(r Result, now time.Time) Result {
	if r.RefusalLimit <= 0 {
		c.RefusedSince = noTime
		return r
	}
	if c.RefusedSince.IsZero() {
		c.RefusedSince = now
	}
	if now.Sub(c.RefusedSince) >= r.RefusalLimit {
		r.Kind = ResultRefused
	}
	return r
}
