package notify

import (
	"context"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/setup"
)

// Channel sends messages about approvals. It is safe for concurrent use.
type Channel interface {
	// Notify makes one attempt to send a message. Its error states how the attempt ended, as approval.ResultOf reads it:
	// nil is sent, approval.Permanent will never be sent, anything else is tried again.
	Notify(ctx context.Context, m approval.Message) error
}

// Editable is a channel whose messages can be changed after they were sent.
type Editable interface {
	// Post is Notify, and returns the receipt by which Edit finds the message again: at most 512 bytes, or the empty text
	// if the message cannot be edited after all.
	Post(ctx context.Context, m approval.Message) (receipt string, err error)
	// Edit replaces the message by the outcome of the approval, without buttons.
	Edit(ctx context.Context, receipt string, m approval.Message) error
}

// Audience is the set of readers of the messages that a channel sends. It decides which link a message carries.
type Audience int

const (
	// AudienceUnknown is the zero value. A channel with it is refused, so that a deciding link never goes to a group by
	// omission.
	AudienceUnknown Audience = iota
	// AudienceApprover is one approver: each message is read by the approver that it names only, and its link decides
	// for that approver.
	AudienceApprover
	// AudienceGroup is everybody who reads a chat or a list. One message is for all approvers, and its link decides only
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

// Settings are the settings of one kind of channel: a struct in the channel's package with yaml and doc tags. It may also
// implement setup.Defaulter, setup.Validator and EventSettings. Package config has the list of all kinds.
type Settings interface {
	// Audience returns the readers of the channel's messages. It is called after SetDefaults.
	Audience() Audience
	// Open returns the channel. It is called after Validate, which reports every fault of the settings, so an error here
	// is one of the environment.
	Open(env setup.Env) (Channel, error)
}

// EventSettings are settings of a channel that also takes events for programs (workflows.NAME.events).
type EventSettings interface{ TakesEvents() }
