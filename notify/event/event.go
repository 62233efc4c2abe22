// Package event is a notification as JSON, for the channels that machines read.
package event

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Type returns the type of the event: what has happened, or that an approver is to
// be told ("notification.request", "notification.reminder", …).
func Type(m approval.Message) string {
	if m.Kind == approval.NotifyEvent {
		return m.Event
	}
	return "notification." + string(m.Kind)
}

// event is the payload that Standard Webhooks recommends. It is the same, byte
// for byte, for every attempt to send the same notification.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened; for an approver's, when the approval was requested
	Data      data      `json:"data"`
}

// data is what there is to know. Link leads to the decision page, and whoever
// holds it may decide for the approver; what has happened is told without it.
type data struct {
	NotificationID string           `json:"notificationId"`
	OrderID        string           `json:"orderId"`
	ApprovalID     string           `json:"approvalId"`
	Workflow       string           `json:"workflow"`
	Step           string           `json:"step,omitempty"`
	Title          string           `json:"title,omitempty"`
	Details        []approval.Field `json:"details"`
	DetailsCut     int              `json:"detailsCut,omitempty"` // how many are left out at the end
	Requester      string           `json:"requester,omitempty"`
	Approver       string           `json:"approver,omitempty"`
	RequestedAt    time.Time        `json:"requestedAt"`
	Deadline       time.Time        `json:"deadline"`
	Link           string           `json:"link,omitempty"`
	Outcome        *outcome         `json:"outcome,omitempty"` // once there is one
}

// outcome is how an approval ended.
type outcome struct {
	Status    approval.Status `json:"status"`
	Reason    string          `json:"reason,omitempty"`
	ClosedAt  time.Time       `json:"closedAt"`
	Decisions []decision      `json:"decisions"`
}

type decision struct {
	Outcome approval.Outcome `json:"outcome"`
	By      string           `json:"by"`
	Via     approval.Via     `json:"via"`
	At      time.Time        `json:"at"`
	Comment string           `json:"comment,omitempty"`
}

func read(m approval.Message) event {
	e := event{Type: Type(m), Timestamp: m.RequestedAt.UTC(), Data: data{
		NotificationID: m.ID,
		OrderID:        m.OrderID,
		ApprovalID:     m.ApprovalID,
		Workflow:       m.Workflow,
		Step:           m.Step,
		Title:          m.Title,
		Details:        m.Details,
		Requester:      m.Requester,
		Approver:       m.Approver,
		RequestedAt:    m.RequestedAt.UTC(),
		Deadline:       m.Deadline.UTC(),
		Link:           m.Link.Reveal(),
	}}
	if e.Data.Details == nil {
		e.Data.Details = []approval.Field{}
	}
	if m.Kind == approval.NotifyEvent {
		e.Timestamp, e.Data.Outcome = m.At.UTC(), ended(m)
	}
	return e
}

// ended is how the approval of an event ended. One that is told late that it was
// requested says what it would have said at once.
func ended(m approval.Message) *outcome {
	if m.Event == approval.ProgramEventRequested || m.Status == approval.Pending {
		return nil
	}
	out := &outcome{
		Status:    m.Status,
		Reason:    m.Reason,
		ClosedAt:  m.ClosedAt.UTC(),
		Decisions: []decision{},
	}
	for _, v := range m.Votes {
		out.Decisions = append(out.Decisions, decision{
			Outcome: v.Outcome,
			By:      v.By,
			Via:     v.Via,
			At:      v.At.UTC(),
			Comment: v.Comment,
		})
	}
	return out
}

// Encode returns the event with the link to the decision page, for a receiver
// that hands it on to the approver.
func Encode(m approval.Message) ([]byte, error) { return json.Marshal(read(m)) }

// EncodePublic returns the event without the link, for receivers that are not
// the approver, in at most limit bytes: as many details as it takes are left out
// at the end, and counted in detailsCut.
func EncodePublic(m approval.Message, limit int) ([]byte, error) {
	e := read(m)
	e.Data.Link = ""
	for {
		b, err := json.Marshal(e)
		if err != nil || len(b) <= limit || len(e.Data.Details) == 0 {
			return b, err
		}
		e.Data.Details = e.Data.Details[:len(e.Data.Details)-1]
		e.Data.DetailsCut++
	}
}
