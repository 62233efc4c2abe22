package notify

import (
	"context"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/setup"
)

// Channel sends messages about approvals. It is safe for concurrent use.
type Channel interface {
	// Notify makes a single attempt to send a message: the order's own schedule makes the retries.
	//
	// Its error states how the attempt ended, as approval.ResultOf reads it: nil is sent, approval.Permanent is not
	// retried, and any other error is retried. Unless the error is approval.NotApplied, the message may have been sent.
	// The text of the error is stored and shown to operators: it contains neither the link nor another secret.
	Notify(ctx context.Context, m approval.Message) error
}

// Editable is a Channel that can change its messages after they were sent.
type Editable interface {
	// Post sends a message as Notify does, and returns a receipt by which Edit finds the message again: at most 512
	// bytes, or the empty text if the message cannot be edited after all.
	Post(ctx context.Context, m approval.Message) (receipt string, err error)
	// Edit replaces the message by the outcome of the approval, without buttons. A message that no longer exists is not
	// an error.
	Edit(ctx context.Context, receipt string, m approval.Message) error
}

// Audience is the set of readers of the messages that a channel sends. It decides about the link in a message.
type Audience int

const (
	// AudienceUnknown is the zero value. A channel with it is refused, so that a deciding link never goes to a group by
	// omission.
	AudienceUnknown Audience = iota
	// AudienceApprover is a single approver: only the approver that a message names reads it, and its link decides for
	// that approver.
	AudienceApprover
	// AudienceGroup is everybody who reads a chat or a list. A single message is for all approvers, and its link decides only
	// if the approval names no approvers.
	AudienceGroup
	// AudiencePrograms is other software. A message carries no link.
	AudiencePrograms
)

// String returns the audience as logs and findings name it.
func (a Audience) String() string {
	switch a {
	case AudienceApprover:
		return "approver"
	case AudienceGroup:
		return "group"
	case AudiencePrograms:
		return "programs"
	}
	return "unknown"
}

// Settings are the settings of a kind of channel: a struct in the channel's package with yaml and doc tags. It may also
// implement setup.Defaulter, setup.Validator and EventSettings. Package config has the list of all kinds.
type Settings interface {
	// Audience returns the readers of the channel's messages. It is called after SetDefaults.
	Audience() Audience
	// Open returns the channel. It is called after Validate, which reports every fault of the settings, so an error here
	// comes from the environment.
	Open(env setup.Env) (Channel, error)
}

// ReachSettings are settings of a channel that cannot notify every approver.
type ReachSettings interface {
	// Unreachable returns the reason why the channel cannot notify an approver, or the empty text. The users are the
	// Slack user IDs that the configuration names, as in setup.Env.
	Unreachable(approver string, slackUsers map[approval.PersonID]string) string
}

// EventSettings are settings of a channel that also takes events for programs (workflows.NAME.events).
type EventSettings interface{ TakesEvents() }
