package outbound

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// JudgeStatus returns the outcome of a request from the status of its response:
//
//   - 2xx: nil;
//   - a status in closed: approval.ErrClosed, the receiver no longer waits;
//   - 408, 425, 429: NotApplied, retried after the time in Retry-After;
//   - 5xx: retried after the time in Retry-After. The request may have been applied, and the endpoint is failing;
//   - 3xx: Permanent, because redirects are not followed;
//   - any other status: Permanent. 400, 401, 403, 404, 405, 413, 415, 422 and the like mean that the receiver will
//     never accept the request as it is.
func JudgeStatus(resp *http.Response, now time.Time, closed ...int) error {
	status := resp.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	err := approval.WithReasonCode(approval.HTTPReasonCode(status), fmt.Errorf("the receiver answered %d", status))
	switch {
	case slices.Contains(closed, status):
		return fmt.Errorf("%w: %w", approval.ErrClosed, err)
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return approval.RetryAfter(approval.NotApplied(err), RetryAfter(resp.Header, now))
	case status >= 500:
		return approval.RetryAfter(EndpointFailed(err), RetryAfter(resp.Header, now))
	case status >= 300 && status < 400:
		return approval.Permanent(fmt.Errorf("%w, and redirects are not followed", err))
	}
	return approval.Permanent(err)
}

// RetryAfter returns the wait that the header Retry-After asks for, in seconds or by a date (RFC 9110, section
// 10.2.3). It is zero if the header is missing or malformed. Package approval caps it.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
