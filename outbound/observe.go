package outbound

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Watcher is told of every call to AWS. Its methods may be called from many
// goroutines.
type Watcher interface {
	// AWSCalled is a call that has ended, the SDK's own retries of it included, by
	// service and operation (SQS.ReceiveMessage). The result is ok; throttled;
	// denied, because AWS refused our credentials or there were none; refused with
	// any other 4xx; or failed (5xx, or no answer).
	AWSCalled(operation, result string)
	// ClockSkew is by how much our clock is ahead of AWS's, to about a second.
	ClockSkew(skew time.Duration)
}

// Watch returns what makes a stack of the SDK's tell w of its calls.
func Watch(w Watcher) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return errors.Join(
			stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Watch", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				sent := &sending{}
				out, meta, err := next.HandleInitialize(middleware.WithStackValue(ctx, sending{}, sent), in)
				if !errors.Is(err, context.Canceled) { // ours: a long poll that a shutdown ends
					w.AWSCalled(operation(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)), sent.result(err))
				}
				return out, meta, err
			}), middleware.After),
			stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("WatchAnswer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				sent, _ := middleware.GetStackValue(ctx, sending{}).(*sending)
				sent.begun = true
				out, meta, err := next.HandleDeserialize(ctx, in)
				if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer != nil {
					sent.status = answer.StatusCode
					if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
						w.ClockSkew(time.Since(at.Add(time.Second / 2))) // the header is cut to the second
					}
				}
				return out, meta, err
			}), middleware.Before),
		)
	}
}

// sending is how far a call came.
type sending struct {
	begun  bool // it was signed and given to the HTTP client
	status int  // of the last answer, 0 if there was none
}

// denied are the codes with which AWS refuses who calls, or says that they may not.
func denied() []string {
	return []string{
		"AccessDenied", "AccessDeniedException", "AuthorizationError", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature",
		"IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "KmsAccessDenied", "KmsAccessDeniedException",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch",
		"UnauthorizedOperation", "UnrecognizedClientException",
	}
}

func (s *sending) result(err error) string {
	if err == nil {
		return "ok"
	}
	if !s.begun && !errors.Is(err, context.DeadlineExceeded) { // nothing to sign with
		return "denied"
	}
	e := describe(err, s.status)
	switch {
	case e == nil, e.status >= 500 && !slices.Contains(throttled(), e.code):
		return "failed"
	case slices.Contains(throttled(), e.code), e.status == http.StatusTooManyRequests:
		return "throttled"
	case slices.Contains(denied(), e.code), e.status == http.StatusUnauthorized, e.status == http.StatusForbidden:
		return "denied"
	case e.status >= 400:
		return "refused"
	}
	return "failed" // a 200 that cannot be read
}
