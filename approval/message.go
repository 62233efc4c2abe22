package approval

import "time"

// Message is what a channel tells one person, room or program.
type Message struct {
	ID   string // of the notification: the same for every attempt
	Kind NotificationKind
	// Event is what has happened, of NotifyEvent.
	Event string
	// At is when the message was owed: of an event, when it happened.
	At time.Time

	OrderID    string
	ApprovalID string
	Workflow   string
	Step       string
	Title      string
	Details    []Field
	Requester  string
	Approver   string // empty for rooms and programs, and where approvers are not named
	// Approvers are the IDs of all who may decide, for a room.
	Approvers   []string
	RequestedAt time.Time
	Deadline    time.Time
	// Status is how things stand; Reason and Votes say why, Callback how far the
	// workflow was told.
	Status   Status
	ClosedAt time.Time
	Reason   string
	Votes    []Vote
	Callback CallbackState
	// Link leads to the decision page. Whoever holds it may decide for the
	// approver, so it is shown to nobody else.
	Link Token
	// Button is what a button in a chat carries. Who pressed it is for the chat to
	// say, so it lets nobody decide by itself.
	Button  Token
	Attempt int
}

// ComposeMessage returns what is to be said by a notification, but for Link and Button.
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
	}
	for _, p := range a.Approvers {
		m.Approvers = append(m.Approvers, p.ID)
	}
	return m
}
