// Package setup is the vocabulary between the configuration file and the adapters. An adapter (a channel, a target, a
// webhook scheme, a store) declares a struct with its settings beside its code. The struct has yaml and doc tags. It
// may implement Defaulter and Validator, and it has a method that opens the adapter, such as notify.Settings.Open.
// Package config reads the file into such structs, and package app opens them.
package setup

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/approval-relay/approval-relay/approval"
)

// AWS determines where an AWS service is called, and under which role. Settings of adapters that call AWS embed it with
// the tag `yaml:",inline"`.
type AWS struct {
	Region   string `yaml:"region" doc:"region; empty takes aws.region"`
	Endpoint string `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
	Role     string `yaml:"role" doc:"ARN of a role to assume, for resources of another account; empty uses the worker's own credentials"`
}

// SetDefaults fills an empty region and endpoint from the common part of the configuration.
func (a *AWS) SetDefaults(common Common) {
	Default(&a.Region, common.Region)
	Default(&a.Endpoint, common.Endpoint)
}

// Validate checks the ARN of the role.
func (a *AWS) Validate(c *Check) { c.RoleARN("role", a.Role) }

// Common is the part of the configuration that the defaults of every adapter may depend on.
type Common struct {
	Region   string // aws.region
	Endpoint string // aws.endpoint
}

// Defaulter is implemented by settings that have defaults. SetDefaults fills the fields that the file left empty.
type Defaulter interface{ SetDefaults(common Common) }

// Validator is implemented by settings that can be wrong. Validate reports every fault and every warning, and keeps the
// results of work that Open would otherwise repeat, such as parsed templates.
type Validator interface{ Validate(c *Check) }

// AWSCaller is implemented by settings of an adapter that calls AWS.
type AWSCaller interface {
	// AWSOperations returns the operations that the adapter calls, as outbound.OperationNames makes them from the
	// adapter's interface to the SDK. The metrics count each of them by its name.
	AWSOperations() []string
}

// Env is the part of the running program that an adapter gets when it is opened.
type Env struct {
	// Name is the name of the channel, target or webhook in the configuration.
	Name string
	// AWS returns the SDK's configuration for a region, endpoint and role. The SDK looks for credentials at the first
	// call of a service, not here.
	AWS func(place AWS) (aws.Config, error)
	// Limiter returns the rate limiter with this key, and makes it if it does not exist. Adapters that use up the same
	// quota, such as the quota of an AWS account in a region, pass the same key and share the limiter. It may be called
	// only while the adapter is opened.
	Limiter func(key string, perSecond float64, burst int) Limiter
	// SlackUsers has the Slack user IDs of the people in the configuration, by approver ID.
	SlackUsers map[approval.PersonID]string
	// IsOwnListener reports whether the program itself listens at an address. Guarded clients never call it. Nil means
	// that the program does not listen.
	IsOwnListener func(netip.AddrPort) bool
	// Connections are the connections of an HTTP client of the adapter.
	Connections Connections
	// Stdout is the standard output of the program.
	Stdout io.Writer
	// Log is the program's log.
	Log *slog.Logger
	// Timeout bounds an outgoing call.
	Timeout time.Duration
	// Now is the clock of the program, for times that receivers compare with theirs. Nil means time.Now.
	Now func() time.Time
}

// Connections describes the connections of an HTTP client. The zero value is of a client with few calls.
type Connections struct {
	// Kept is the number of idle connections to a host that are kept for the next calls: as many as there may be calls at
	// once. Otherwise each call of a burst would need a connection, and a TLS handshake, of its own.
	Kept int
	// Opened is called for each new connection; it may be nil.
	Opened func()
}

// Limiter is a rate limit of outgoing calls.
type Limiter interface {
	// Wait blocks until the call may be made, or returns the context's error.
	Wait(ctx context.Context) error
}

// Default sets a field that has the zero value.
func Default[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
