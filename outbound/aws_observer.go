package outbound

import (
	"context"
	"errors"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Observer is notified of every call to AWS. Its methods are called from many goroutines.
type Observer interface {
	// AWSCalled is called at the end of a call, after the SDK's own retries, with the service and operation
	// (SQS.ReceiveMessage) and a result: ok; throttled; denied, because AWS refused our credentials or there were none;
	// refused with any other 4xx; or failed (5xx, or no answer).
	AWSCalled(operation, result string)
	// ClockSkew is called with the difference by which our clock is ahead of AWS's, accurate to about a second, and with
	// the time that the call took: if AWS wrote the time at the beginning of it, we are ahead by so much less.
	ClockSkew(skew, took time.Duration)
}

// ObserveCalls returns the change to the SDK's middleware by which the observer is notified.
func ObserveCalls(observer Observer) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return errors.Join(
			stack.Initialize.Add(resultMiddleware{observer}, middleware.After),
			stack.Deserialize.Add(responseMiddleware{observer}, middleware.Before),
		)
	}
}

// callProgress is how far a call got. The two middlewares of a call share it.
type callProgress struct {
	signed bool // the request was signed and given to the HTTP client
	status int  // the status of the last response, 0 without a response
}

// progressKey is the key of the callProgress among the values of the stack.
type progressKey struct{}

// resultMiddleware notifies the observer of the result. It runs once a call.
type resultMiddleware struct{ observer Observer }

// ID implements middleware.InitializeMiddleware.
func (resultMiddleware) ID() string { return "ObserveResult" }

// HandleInitialize implements middleware.InitializeMiddleware.
func (m resultMiddleware) HandleInitialize(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	progress := &callProgress{}
	out, meta, err := next.HandleInitialize(middleware.WithStackValue(ctx, progressKey{}, progress), in)
	if !errors.Is(err, context.Canceled) { // we ended it: a long poll at shutdown
		m.observer.AWSCalled(operationName(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)),
			progress.resultFor(err))
	}
	return out, meta, err
}

// responseMiddleware records each response, and notifies the observer of the clock skew. It runs once an attempt.
type responseMiddleware struct{ observer Observer }

// ID implements middleware.DeserializeMiddleware.
func (responseMiddleware) ID() string { return "ObserveResponse" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (m responseMiddleware) HandleDeserialize(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (middleware.DeserializeOutput, middleware.Metadata, error) {
	progress, _ := middleware.GetStackValue(ctx, progressKey{}).(*callProgress)
	progress.signed = true
	began := time.Now()
	out, meta, err := next.HandleDeserialize(ctx, in)
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok || response == nil {
		return out, meta, err
	}
	progress.status = response.StatusCode
	observeClock(m.observer, response.Header, began)
	return out, meta, err
}

// observeClock notifies the observer of the clock skew by the response to a request that began then.
func observeClock(observer Observer, response http.Header, began time.Time) {
	if at, err := http.ParseTime(response.Get("Date")); err == nil {
		observer.ClockSkew(time.Since(at.Add(time.Second/2)), time.Since(began)) // the header is cut to the second
	}
}

// resultFor returns the result of the call, as Observer.AWSCalled describes it.
func (p *callProgress) resultFor(err error) string {
	if err == nil {
		return resultOK
	}
	if !p.signed && !errors.Is(err, context.DeadlineExceeded) { // there were no credentials to sign with
		return resultDenied
	}
	e := describeError(err, p.status)
	switch {
	case e == nil, e.status >= 500 && !e.isThrottled():
		return resultFailed
	case e.isThrottled():
		return resultThrottled
	case e.isDenied():
		return resultDenied
	case e.status >= 400:
		return resultRefused
	}
	return resultFailed // a malformed 200
}
