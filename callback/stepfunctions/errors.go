package stepfunctions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// apiError is what we keep of an error of the SDK's: its text may quote the
// request (a ValidationException quotes the token), so it goes no further.
type apiError struct {
	code    string
	status  int
	request string // AWS's request ID, for their support
}

// Error names the error code, the HTTP status and the request.
func (e *apiError) Error() string {
	return fmt.Sprintf("%s (HTTP %d, request %s)", e.code, e.status, e.request)
}

// closedCodes mean that the task no longer waits. TaskTimedOut says "expired or
// already closed": a second use of a token gets it, also after an answer that
// was applied and whose reply was lost.
func closedCodes() []string { return []string{"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"} }

// permanentCodes are faults of the request itself.
func permanentCodes() []string {
	return []string{"InvalidOutput", "ValidationException", "ValidationError", "InvalidParameterValue", "SerializationException"}
}

// throttleCodes mean that nothing was done, whatever the HTTP status.
func throttleCodes() []string {
	return []string{
		"ThrottlingException", "Throttling", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "KmsThrottlingException", "KmsThrottling", "SlowDown", "BandwidthLimitExceeded",
	}
}

// classify says what an error of the SDK's means for the answer:
//
//   - the task no longer waits: approval.ErrClosed;
//   - the request is at fault (InvalidOutput, ValidationException): Permanent;
//   - throttled, no connection, no credentials, or refused with any other 4xx,
//     which an operator may mend (AccessDenied, KmsAccessDenied, KmsInvalidState,
//     ExpiredToken, UnrecognizedClient, a wrong clock): NotApplied;
//   - anything else (5xx, 408, a broken or timed-out connection, a 200 that cannot
//     be read): unmarked, it may have been applied.
func classify(ctx context.Context, err error, w *wire) error {
	if w.unsent() {
		return approval.NotApplied(fmt.Errorf("not sent: %w", callback.Why(ctx, err, "no credentials to sign with")))
	}
	e := describe(err, w.status)
	switch {
	case e == nil:
		return fmt.Errorf("no answer: %w", callback.Why(ctx, err, "the connection broke, or what came could not be read"))
	case slices.Contains(closedCodes(), e.code):
		return fmt.Errorf("%w: %w", approval.ErrClosed, e)
	case slices.Contains(permanentCodes(), e.code):
		return approval.Permanent(e)
	case slices.Contains(throttleCodes(), e.code):
		return approval.NotApplied(e)
	case e.status >= 400 && e.status < 500 && e.status != 408:
		return approval.NotApplied(e)
	}
	return e
}

// describe returns what the service answered, or nil if it did not answer in a
// way that can be read.
func describe(err error, status int) *apiError {
	e := &apiError{code: "UnknownError", status: status, request: "unknown"}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.status = response.HTTPStatusCode()
		if plain(response.RequestID) {
			e.request = response.RequestID
		}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if plain(api.ErrorCode()) {
			e.code = api.ErrorCode()
		}
		return e
	}
	if e.status == 0 {
		return nil
	}
	return e
}

// plain says whether a text of the other end's is as a code or an ID is.
func plain(s string) bool {
	return s != "" && len(s) <= 80 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:#") == ""
}
