package approval

import (
	"time"

	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/organisation"
)

// Message is the content of a notification: everything that a channel may show to an approver, a group or a program.
type Message struct {
	ID   string // the ID of the notification, the same for every attempt
	Kind NotificationKind
	// Event names the event, for NotifyEvent.
	Event string
	// At is when the notification was queued; for NotifyEvent, when the event happened.
	At time.Time

	OrderID    string
	ApprovalID string
	Workflow   string
	Step       string
	Title      string
	Details    []Field
	Requester  string
	// Approver is the ID of the recipient. It is empty for groups and programs, and if approvers are not named.
	Approver string
	// Approvers are the IDs of all approvers. A group sees them.
	Approvers   []string
	RequestedAt time.Time
	Deadline    time.Time
	// Status is the approval's current status. Reason and Votes explain it; Callback is the state of the answer to
	// the workflow.
	Status   Status
	ClosedAt time.Time
	Reason   string
	Votes    []Vote
	Callback CallbackState
	// Questions are the questions to the requester, with their answers.
	Questions []Question
	// Notice is set for messages that ask nobody to decide.
	Notice Notice
	// Changes are the edits of the request so far. Round and Previous are as in the approval.
	Changes  []Change
	Round    int
	Previous *PreviousRound
	// Link leads to the decision page. Its holder may decide as the approver, so only the approver may see it.
	Link Token
	// Console leads to the order in the operator's console, if a message tells operators of a proposal.
	Console string
	// Button is the value of a button in a chat. The chat identifies the person, so the value alone does not
	// let its holder decide.
	Button  Token
	Attempt int
	// Language and Zone are the reader's. They are set when the message is sent, from the configuration of that time.
	Language language.Tag
	Zone     *time.Location // nil is UTC
	// SentAt is the time of this attempt. Organisation is the organisation that asks.
	SentAt       time.Time
	Organisation organisation.Organisation
	// Rules are what can be decided.
	Rules DecisionRules
	// HasVoted is set if the message is for a single approver whose seat has a vote: there is nothing left to press.
	HasVoted bool
	// Progress is how far the votes are from a decision.
	Progress Progress
}

// ComposeMessage returns the content of a notification, without Link and Button.
func (o *Order) ComposeMessage(a *Approval, n *Notification) Message {
	m := Message{
		ID:          n.ID,
		Kind:        n.Kind,
		OrderID:     o.ID,
		ApprovalID:  a.ID,
		Workflow:    a.Workflow,
		Step:        a.Step,
		Title:       a.Title,
		Details:     a.Details,
		Requester:   a.Requester,
		Approver:    n.Approver,
		RequestedAt: a.RequestedAt,
		Deadline:    a.Deadline,
		Attempt:     n.Attempts,
		Event:       n.Event,
		At:          n.CreatedAt,
		Status:      a.Status,
		ClosedAt:    a.ClosedAt,
		Reason:      a.Reason,
		Votes:       a.Votes,
		Callback:    a.Callback.State,
		Rules:       a.DecisionRules,
		HasVoted:    a.hasSeatVoted(findApprover(a.Approvers, n.Approver)),
		Progress:    a.Progress(),
		Changes:     a.Changes(),
		Round:       a.Round,
		Previous:    a.Previous,
		Questions:   a.Questions,
	}
	if n.Kind.IsNotice() {
		m.Notice = a.newNotice(n.Kind)
		m.Votes = nil // the notice has what its reader may see of them
	}
	for _, p := range a.Approvers {
		m.Approvers = append(m.Approvers, p.ID)
	}
	return m
}
