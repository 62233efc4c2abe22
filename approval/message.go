package approval

import "time"

// Message is what a channel tells one person.
type Message struct {
	ID   string // of the notification: the same for every attempt
	Kind NotificationKind

	OrderID     string
	ApprovalID  string
	Workflow    string
	Step        string
	Title       string
	Details     []Field
	Requester   string
	Approver    string // empty where approvers are not named
	RequestedAt time.Time
	Deadline    time.Time
	// Link leads to the decision page. Whoever holds it may decide for the
	// approver, so it is shown to nobody else.
	Link    Token
	Attempt int
}

// Message returns what is to be said by a notification.
func (o *Order) Message(a *Approval, n *Notification, link Token) Message {
	return Message{
		ID: n.ID, Kind: n.Kind, OrderID: o.ID, ApprovalID: a.ID, Workflow: a.Workflow, Step: a.Step, Title: a.Title,
		Details: a.Details, Requester: a.Requester, Approver: n.Approver, RequestedAt: a.RequestedAt, Deadline: a.Deadline,
		Link: link, Attempt: n.Attempt,
	}
}
