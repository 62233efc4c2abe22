package handlers

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
)

// Workflow is the compiled configuration of a workflow.
type Workflow struct {
	Name   string
	Fields RequestFields

	Approvers []string // IDs, or "group:" and a name
	// RequestsAddApprovers adds the approvers of the request also where Approvers names some. Where it is not set, a
	// request names approvers only for a workflow that names none.
	RequestsAddApprovers bool

	People       People
	Policy       approval.Policy
	MinAssurance approval.Assurance
	Sources      []string
	// SourcesRequired limits webhooks and topics to Sources, because a workflow of the configuration names sources.
	SourcesRequired bool

	Channels         []string
	FallbackChannels []string // used in this order after the retries of a channel are exhausted
	GroupChannels    []string // the channels with groups as readers
	ProgramChannels  []string // the channels that notify programs of events
	OnUndeliverable  approval.UndeliverablePolicy
	Requester        RequesterSettings
	Reminders        []RelativeTime
	Escalations      []Escalation

	Deadline          time.Duration // since the workflow began to wait
	TaskTimeout       time.Duration // of the waiting state, if the request has no timeout; 0 if unknown
	Margin            time.Duration // between the approval's deadline and the end of the task
	HeartbeatInterval time.Duration
	HeartbeatTimeout  time.Duration // of the waiting state; 0 if unknown

	TokenTarget string // the target for task tokens
	URLTarget   string // the target for callback URLs; if empty, callback URLs are refused
	// HeartbeatTargets are the targets with heartbeats. Their older attempts can be probed.
	HeartbeatTargets []string

	Decision DecisionRules
	// AgentShape is the shape of requests that agents send, see AgentShapes. If it is empty, requests have no such shape.
	AgentShape string

	RejectAsSuccess   bool
	Output            map[string]any
	CallbackRetry     approval.RetrySchedule
	NotificationRetry approval.RetrySchedule
	Retention         time.Duration
}

// RequestFields find the fields of an approval request in a message.
type RequestFields struct {
	Order     Field[string]
	OrderElse Field[string] // read if the message has none of the places of Order
	Token     Field[string]
	TokenElse Field[string] // read if the message has none of the places of Token and Callback
	Callback  Field[string] // a callback URL, used instead of a token
	Step      Field[string]
	Title     Field[string]
	Requester Field[string]
	Execution Field[string]
	State     Field[string] // the name of the waiting state
	Approvers Field[[]string]
	Started   Field[time.Time]     // when the workflow entered the waiting state
	Deadline  Field[time.Time]     // when the approval times out; in some tutorials, when the state was entered
	Timeout   Field[time.Duration] // how long the workflow waits
	// RetryCount and RedriveCount are how often the state was retried, and the execution redriven. They are texts, because a
	// value that is not a number is left out and not refused.
	RetryCount   Field[string]
	RedriveCount Field[string]
	Form         Field[any] // the schema of a form; without a Find, requests bring no form
	Choices      Field[any] // a list of choices
	Details      []Detail   // shown to approvers; nil shows the values of the body
	HideRest     bool       // do not tell approvers of the values that Details leave out
	Secrets      *details.Secrets
	Output       map[string]Field[any]
	// NotUsed are places in which data of others may have the name of a field that gives authority. They are not
	// read. A request that has them gets a note.
	NotUsed []PlaceNotUsed
}

// PlaceNotUsed are the places of a field that are not read.
type PlaceNotUsed struct {
	Field string // the name of the field in the configuration
	Value Field[any]
}

// Detail finds a configured detail.
type Detail struct {
	details.Spec
	Value    Field[any]
	Before   Field[any] // of a difference
	Currency Field[any] // of an amount, if Spec.Currency is not set
}

// RelativeTime is a time after the request of an approval, or before its deadline if Before is set.
type RelativeTime struct{ After, Before time.Duration }

func (r RelativeTime) timeOf(now, deadline time.Time) time.Time {
	if r.Before > 0 {
		return deadline.Add(-r.Before)
	}
	return now.Add(r.After)
}

// Escalation adds approvers at a time.
type Escalation struct {
	RelativeTime
	To []string // as Workflow.Approvers
}
