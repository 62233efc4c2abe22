// Package awsjson makes frequent calls of the AWS JSON protocols (Step Functions, DynamoDB) at half of their price or less.
//
// A call of the AWS SDK builds the middleware stack of its operation and runs its thirty parts: 50 µs and 300 allocations
// for what is the same each time. All of it but the body, the date and the signature depends on the configuration only.
// So an Operation learns the request once from the SDK itself: it lets the SDK's client make a call to an HTTP client that
// keeps the request. Host, path, target, user agent and the scope of the signature are then those of the SDK, also with
// FIPS, dual-stack and custom endpoints, and later versions of the SDK change them here too. Each call is signed by the
// SDK's signer with the credentials of the SDK's provider.
//
// An answer that is no success is rare. It is given to the SDK's client, as if its own call had got it, and the error is the
// one that the SDK returns. So there is one classification of errors.
//
// An Operation makes a single attempt: the caller retries.
package awsjson

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithyrand "github.com/aws/smithy-go/rand"

	"github.com/approval-relay/approval-relay/outbound"
)

// HTTPClient is the interface by which the clients of the SDK send their requests.
type HTTPClient interface {
	Do(request *http.Request) (*http.Response, error)
}

// Options are the options with which Config.Call calls the SDK. They have the names of the SDK's options.
type Options struct {
	HTTPClient  HTTPClient
	Credentials aws.CredentialsProvider
}

// Config configures an Operation.
type Config struct {
	// AWS is the configuration of the SDK's client. Its APIOptions may have the observer of outbound.ObserveCalls, which is
	// notified as by the SDK. Any other is an error.
	AWS aws.Config
	// HTTPClient is the HTTP client of the SDK's client.
	HTTPClient HTTPClient
	// ServiceID is the constant ServiceID of the SDK's package.
	ServiceID string
	// Name is the name of the operation, such as SendTaskHeartbeat.
	Name string
	// Clock is shared by the operations of a client, as in the SDK: the answer to one of them corrects the clock of all. Nil
	// means a clock of its own.
	Clock *Clock
	// Call calls the operation with the SDK's client, any valid input, these options, aws.NopRetryer and no APIOptions.
	Call func(context.Context, Options) error
}

// Operation is an operation of an AWS service. It is safe for concurrent use.
type Operation struct {
	config   Config
	observer outbound.CallObserver
	signer   *v4.Signer
	ids      *smithyrand.UUID
	learned  atomic.Pointer[template]
}

// Clock is the clock of AWS as its answers tell it. The zero value is ready for use, and it is safe for concurrent use.
type Clock struct {
	ahead atomic.Int64 // of our clock, in nanoseconds
}

// now returns the time of AWS.
func (c *Clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Call is a call of an operation.
type Call struct {
	// Body is the input as JSON. It must not be changed, also not after the end of the call.
	Body []byte
	// HTTPClient sends the request. Nil means the HTTP client of the configuration.
	HTTPClient HTTPClient
	// Read reads the answer of a call that succeeded. The answer is valid until Read returns.
	Read func(answer []byte) error
}

// NewOperation returns an operation.
func NewOperation(c Config) (*Operation, error) {
	if aws.IsCredentialsProvider(c.AWS.Credentials, (*aws.AnonymousCredentials)(nil)) {
		c.AWS.Credentials = nil // so does the SDK's client
	}
	if c.Clock == nil {
		c.Clock = &Clock{}
	}
	observer, err := outbound.ObserverOf(c.AWS.APIOptions, c.ServiceID, c.Name)
	if err != nil {
		return nil, err
	}
	return &Operation{
		config:   c,
		observer: observer,
		signer:   v4.NewSigner(),
		ids:      smithyrand.NewUUID(rand.Reader),
	}, nil
}

// Do makes a call. Its errors are those of the SDK: a smithy.OperationError around the modelled error of the service, with
// its HTTP status and request ID, or around the error of the connection or of the credentials.
func (o *Operation) Do(ctx context.Context, call Call) error {
	observation := o.observer.Begin()
	err := o.describe(o.send(ctx, call, &observation))
	observation.End(err)
	return err
}
