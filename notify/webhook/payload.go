package webhook

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// The types of events.
const (
	typeRequested = "approval.requested"
	typeReminder  = "approval.reminder"
)

// event is the body: the payload that Standard Webhooks recommends. It is the
// same, byte for byte, for every attempt to send the same notification.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when the approval was requested
	Data      data      `json:"data"`
}

// data is what the approver is to be told. Link leads to the decision page, and
// whoever holds it may decide for the approver.
type data struct {
	NotificationID string           `json:"notificationId"`
	OrderID        string           `json:"orderId"`
	ApprovalID     string           `json:"approvalId"`
	Workflow       string           `json:"workflow"`
	Step           string           `json:"step,omitempty"`
	Title          string           `json:"title,omitempty"`
	Details        []approval.Field `json:"details"`
	Requester      string           `json:"requester,omitempty"`
	Approver       string           `json:"approver,omitempty"`
	RequestedAt    time.Time        `json:"requestedAt"`
	Deadline       time.Time        `json:"deadline"`
	Link           string           `json:"link"`
}

func encode(m approval.Message) ([]byte, error) {
	e := event{Type: typeRequested, Timestamp: m.RequestedAt.UTC(), Data: data{
		NotificationID: m.ID, OrderID: m.OrderID, ApprovalID: m.ApprovalID, Workflow: m.Workflow, Step: m.Step, Title: m.Title,
		Details: m.Details, Requester: m.Requester, Approver: m.Approver, RequestedAt: m.RequestedAt.UTC(),
		Deadline: m.Deadline.UTC(), Link: m.Link.Reveal(),
	}}
	if m.Kind == approval.NotifyReminder {
		e.Type = typeReminder
	}
	if e.Data.Details == nil {
		e.Data.Details = []approval.Field{}
	}
	return json.Marshal(e)
}
