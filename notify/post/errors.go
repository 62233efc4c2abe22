package post

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// broken says why there is no answer, in words that hold neither the URL nor
// what came from the other end: it knows the link and may have echoed it. All
// that can break is tried again; where no connection was made, nothing was sent.
func broken(ctx context.Context, err error) error {
	why := outbound.Why(ctx, err, "the connection broke, or what came was not HTTP")
	if outbound.NotSent(err) {
		return approval.NotApplied(fmt.Errorf("not sent: %w", why))
	}
	return fmt.Errorf("no answer: %w", why)
}

// judge says what the status of an answer means:
//
//   - 2xx: sent;
//   - 408, 425, 429: again, after what Retry-After says; nothing was done;
//   - 5xx: again, after what Retry-After says;
//   - 3xx: Permanent, redirects are not followed;
//   - any other, 410 first of all: Permanent, the receiver does not want it.
func judge(resp *http.Response, now time.Time) error {
	status := resp.StatusCode
	err := fmt.Errorf("the receiver answered %d", status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return approval.RetryAfter(approval.NotApplied(err), retryAfter(resp.Header, now))
	case status >= 500:
		return approval.RetryAfter(err, retryAfter(resp.Header, now))
	case status >= 300 && status < 400:
		return approval.Permanent(fmt.Errorf("%w, and redirects are not followed", err))
	}
	return approval.Permanent(err)
}

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date. It
// is zero where there is none, or none that can be read; approval caps it.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
