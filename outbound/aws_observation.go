package outbound

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// CallObserver observes the calls of an operation that does not run through the middlewares of the SDK. It notifies the
// observer of the same.
type CallObserver struct {
	observer  Observer // may be nil
	operation string
}

// ObserverOf returns the observer of an operation by the APIOptions of the SDK's configuration, which may have that of
// ObserveCalls and no others: their middlewares would never run.
func ObserverOf(options []func(*middleware.Stack) error, serviceID, method string) (CallObserver, error) {
	o := CallObserver{operation: operationName(serviceID, method)}
	stack := middleware.NewStack(method, smithyhttp.NewStackRequest)
	for _, option := range options {
		if err := option(stack); err != nil {
			return o, err
		}
	}
	if result, ok := stack.Initialize.Get(resultMiddleware{}.ID()); ok {
		if m, isOurs := result.(resultMiddleware); isOurs {
			o.observer = m.observer
		}
	}
	others := slices.DeleteFunc(stack.List(), func(entry string) bool { return isOfObserver(stack, entry) })
	if len(others) > 0 {
		return o, errors.New("the configuration of the AWS SDK has middlewares that do not run with this operation")
	}
	return o, nil
}

// isOfObserver reports whether an entry of a stack's list is a step or a middleware of ObserveCalls.
func isOfObserver(stack *middleware.Stack, entry string) bool {
	return slices.Contains([]string{
		stack.ID(), stack.Initialize.ID(), stack.Serialize.ID(), stack.Build.ID(), stack.Finalize.ID(), stack.Deserialize.ID(),
		resultMiddleware{}.ID(), responseMiddleware{}.ID(),
	}, entry)
}

// Observation is the observation of a call.
type Observation struct {
	CallObserver

	progress callProgress
	began    time.Time // of the attempt
}

// Begin begins the observation of a call.
func (o CallObserver) Begin() Observation { return Observation{CallObserver: o} }

// Signed records that the request is signed and is given to the HTTP client.
func (o *Observation) Signed() {
	o.progress.signed = true
	o.began = time.Now()
}

// Answered notifies the observer of the clock of the response.
func (o *Observation) Answered(response *http.Response) {
	o.progress.status = response.StatusCode
	if o.observer != nil {
		observeClock(o.observer, response.Header, o.began)
	}
}

// End notifies the observer of the result of the call.
func (o *Observation) End(err error) {
	if o.observer != nil && !errors.Is(err, context.Canceled) {
		o.observer.AWSCalled(o.operation, o.progress.resultFor(err))
	}
}
