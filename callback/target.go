package callback

import (
	"context"
	"errors"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/setup"
)

// Target answers the workflows of a kind, such as those of Step Functions in an account and region. It is safe for
// concurrent use. Its errors state how the call ended, as approval.ResultOf reads them.
type Target interface {
	// Deliver makes a single attempt to give the answer to the workflow that waits for it.
	Deliver(ctx context.Context, a approval.Answer) error
}

// ErrNoHeartbeats is returned for a heartbeat to a target without heartbeats: an older configuration has asked for it.
// The target is not called, so the heartbeat is neither taken nor failed.
var ErrNoHeartbeats = errors.New("the target has no heartbeats")

// Heartbeater is a target whose workflows take heartbeats. A heartbeat also tells whether the workflow still waits, so
// that an attempt which has ended is told from an attempt that waits.
type Heartbeater interface {
	Target
	// Heartbeat makes a single attempt to tell the workflow that its answer is still to come. It returns
	// approval.ErrClosed if the workflow no longer waits.
	Heartbeat(ctx context.Context, a approval.Answer) error
}

// Reconciler is a target that can tell afterwards how a task has ended. It is optional.
type Reconciler interface {
	Target
	// FindTruth looks for the end of the task of an answer, of which only the execution, the approval's ID and perhaps the
	// token are used. The truth is empty if the workflow does not tell it yet.
	FindTruth(ctx context.Context, a approval.Answer) (approval.Truth, error)
}

// URLTarget is a target whose answers go to a callback URL that the request names.
type URLTarget interface {
	Target
	// ValidateURL returns the reason why a callback URL is refused, or nil.
	ValidateURL(url string) error
	// HostOf returns the host of the answer's callback URL. The hosts of a target fail independently of each other.
	HostOf(a approval.Answer) string
}

// TokenTarget is a target whose tokens have a form, so that a token that was changed on its way is recognised when the
// request arrives, before people decide in vain. It is optional.
type TokenTarget interface {
	Target
	// ValidateToken returns the reason why a token cannot be one of this target, without the token, or nil.
	ValidateToken(token string) error
}

// Address is the way in which a request names the workflow that waits.
type Address int

const (
	// TaskToken is a text by which the target finds the workflow: a task token, a callback ID.
	TaskToken Address = iota + 1
	// CallbackURL is a URL to which the target posts. The Target is a URLTarget.
	CallbackURL
)

// HeartbeatSettings are the settings of a Heartbeater. They tell its kind from the others before it is opened.
type HeartbeatSettings interface {
	Settings
	// HasHeartbeats does nothing: every target of these settings is a Heartbeater.
	HasHeartbeats()
}

// Settings are the settings of a kind of target: a struct in the target's package with yaml and doc tags. It may also
// implement setup.Defaulter and setup.Validator. Package config has the list of all kinds.
type Settings interface {
	// Address returns the way in which requests name a workflow of this target.
	Address() Address
	// Open returns the target. It is called after Validate, which reports every fault of the settings, so an error here
	// comes from the environment.
	Open(env setup.Env) (Target, error)
}
