package httptarget

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"code.dny.dev/ssrf"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// errRefused says that the guard refused the address. It does not name it: who
// sent the request would learn what our names resolve to.
var errRefused = errors.New("the callback URL leads to an address or port that is not allowed")

// classify says what a call without an answer means: Permanent where the guard
// refused the address (nothing was sent; redrive it when the configuration
// allows it), NotApplied where there was no connection, and else unmarked: it
// may have been applied. All but the first say that the receiver is down.
func classify(ctx context.Context, err error, w *outbound.Wire) error {
	for _, refusal := range []error{ssrf.ErrProhibitedIP, ssrf.ErrProhibitedPort, ssrf.ErrProhibitedNetwork, ssrf.ErrInvalidHostPort} {
		if errors.Is(err, refusal) {
			return approval.Permanent(errRefused)
		}
	}
	if w.Unsent() {
		return outbound.Down(approval.NotApplied(fmt.Errorf("not sent: %w", outbound.Why(ctx, err, "no connection"))))
	}
	return outbound.Down(fmt.Errorf("no answer: %w", outbound.Why(ctx, err, "the connection broke, or what came was not HTTP")))
}

// judge says what the status of an answer means:
//
//   - 2xx: delivered;
//   - 409 and 410: the receiver no longer waits (approval.ErrClosed), which is
//     also what a one-time URL answers to the second attempt after the first
//     one's reply was lost;
//   - 408, 425 and 429: not processed, again after what Retry-After says;
//   - 5xx: again, after what Retry-After says; it may have been applied, and the
//     receiver is down;
//   - 3xx: Permanent, redirects are not followed;
//   - any other: Permanent. 400, 401, 403, 404, 405, 413, 415, 422 and their like
//     say that the request will never be taken as it is; who mends the receiver
//     redrives the callback.
func judge(resp *http.Response, now time.Time) error {
	status := resp.StatusCode
	err := fmt.Errorf("the receiver answered %d", status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusConflict || status == http.StatusGone:
		return fmt.Errorf("%w: %w", approval.ErrClosed, err)
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return approval.RetryAfter(approval.NotApplied(err), retryAfter(resp.Header, now))
	case status >= 500:
		return approval.RetryAfter(outbound.Down(err), retryAfter(resp.Header, now))
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
