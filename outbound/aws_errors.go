package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/approval-relay/approval-relay/approval"
)

// Codes are the error codes of a service with a meaning of their own.
type Codes struct {
	// Closed lists the codes by which the service tells that the receiver no longer waits.
	Closed []string
	// Permanent lists the codes for faults of the request itself. No later attempt can cure them.
	Permanent []string
}

// isThrottled reports whether the service did nothing because of a rate limit, whatever the status.
func (e *apiError) isThrottled() bool {
	return e.status == http.StatusTooManyRequests || slices.Contains([]string{
		"ThrottlingException", "Throttling", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "KmsThrottlingException", "KmsThrottling", "SlowDown", "BandwidthLimitExceeded",
		"RequestThrottled", "KmsThrottled", "KMS.ThrottlingException", // of SQS
	}, e.code)
}

// isDenied reports whether AWS refused our credentials or our permission.
func (e *apiError) isDenied() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || slices.Contains([]string{
		"AccessDenied", "AccessDeniedException", "AuthorizationError", "ExpiredToken", "ExpiredTokenException",
		"IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId",
		"InvalidSignatureException", "KmsAccessDenied", "KmsAccessDeniedException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch",
		"UnauthorizedOperation", "UnrecognizedClientException", "KMS.AccessDeniedException",
	}, e.code)
}

// judgeError returns the outcome of the call from its error:
//
//   - no connection or no credentials: NotApplied;
//   - no answer, or a malformed 200: unmarked, because the call may have been applied;
//   - an error of the service: see apiError.judge.
//
// A call of the first two kinds is marked as the failure of the endpoint.
func (c *Call) judgeError(ctx context.Context, err error, codes Codes) error {
	if err == nil {
		return nil
	}
	if c.isUnsent() {
		code := approval.ReasonConnectionFailed
		if !c.signed.Load() && ctx.Err() == nil {
			code = approval.ReasonDenied
		}
		return EndpointFailed(approval.NotApplied(unsentError(code, safeReason(ctx, err, "no credentials to sign with"))))
	}
	e := describeError(err, c.status)
	if e == nil {
		return EndpointFailed(noAnswerError(ctx, err))
	}
	return e.judge(codes)
}

// judge returns the outcome of a call from the error of the service:
//
//   - a Closed code: approval.ErrClosed;
//   - a Permanent code: Permanent;
//   - throttled, or any other 4xx except 408: NotApplied. An operator may be able to mend it (a missing permission, an
//     expired token, a wrong clock);
//   - anything else, such as 5xx: unmarked, because the call may have been applied, and the endpoint is failing.
func (e *apiError) judge(codes Codes) error {
	switch {
	case slices.Contains(codes.Closed, e.code):
		return fmt.Errorf("%w: %w", approval.ErrClosed, e)
	case slices.Contains(codes.Permanent, e.code):
		return approval.Permanent(approval.WithReasonCode(approval.NamedReasonCode(e.code), e))
	case e.isThrottled(), e.status >= 400 && e.status < 500 && e.status != http.StatusRequestTimeout:
		return approval.NotApplied(e)
	}
	return EndpointFailed(e)
}

// apiError is the part of an SDK error that is stored and shown. The text of the SDK's error may quote the request.
type apiError struct {
	code      string
	status    int
	requestID string // for the support of AWS
}

// Error names the error code, the HTTP status and the request.
func (e *apiError) Error() string {
	return fmt.Sprintf("%s (HTTP %d, request %s)", e.code, e.status, e.requestID)
}

// describeError returns the service's error, or nil if the service did not answer or its response could not be read.
func describeError(err error, status int) *apiError {
	e := &apiError{code: "UnknownError", status: status, requestID: "unknown"}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.status = response.HTTPStatusCode()
		if isIdentifier(response.RequestID) {
			e.requestID = response.RequestID
		}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if isIdentifier(api.ErrorCode()) {
			e.code = api.ErrorCode()
		}
		return e
	}
	if e.status == 0 {
		return nil
	}
	return e
}

// isIdentifier reports whether a text of the service has the form of an error code or an ID, so that it can be shown.
func isIdentifier(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:#"
	return s != "" && len(s) <= 80 && strings.Trim(s, allowed) == ""
}
