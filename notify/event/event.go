// Package event encodes a notification as JSON, for the channels that programs read.
package event

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// TypeOf returns the type of the event: the event of the approval ("approval.decided"), or the kind of notification
// for an approver ("notification.request", "notification.reminder", …).
func TypeOf(m approval.Message) string {
	if m.Kind == approval.NotifyEvent {
		return m.Event
	}
	return "notification." + string(m.Kind)
}

// event is the payload that Standard Webhooks recommends. Every attempt to send a notification has the same bytes.
type event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the event, or of the request for a notification to an approver
	Data      data      `json:"data"`
}

// data is the approval. Link leads to the decision page, and its holder may decide for the approver; an event has no
// link.
type data struct {
	NotificationID string           `json:"notificationId"`
	OrderID        string           `json:"orderId"`
	ApprovalID     string           `json:"approvalId"`
	Workflow       string           `json:"workflow"`
	Step           string           `json:"step,omitempty"`
	Title          string           `json:"title,omitempty"`
	Details        []approval.Field `json:"details"`
	DetailsCut     int              `json:"detailsCut,omitempty"` // the number of details left out at the end
	Requester      string           `json:"requester,omitempty"`
	Approver       string           `json:"approver,omitempty"`
	RequestedAt    time.Time        `json:"requestedAt"`
	Deadline       time.Time        `json:"deadline"`
	Link           string           `json:"link,omitempty"`
	Console        string           `json:"console,omitempty"`
	Outcome        *outcome         `json:"outcome,omitempty"` // nil while the approval is pending
}

// outcome is the end of an approval.
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
	// Only an approval with choices or a form of its own has the following.
	*choice
}

func newEvent(m approval.Message) event {
	e := event{Type: TypeOf(m), Timestamp: TimeOf(m), Data: data{
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
		Console:        m.Console,
	}}
	if e.Data.Details == nil {
		e.Data.Details = []approval.Field{}
	}
	if m.Kind == approval.NotifyEvent {
		e.Data.Outcome = newOutcome(m)
	}
	return e
}

// newOutcome returns the end of the approval of an event, or nil. The events of a request and of a proposal have
// no outcome, even if they are sent late.
func newOutcome(m approval.Message) *outcome {
	if m.Event == approval.ProgramEventRequested || m.Event == approval.ProgramEventProposed || m.Status == approval.Pending {
		return nil
	}
	out := &outcome{
		Status:    m.Status,
		Reason:    m.Reason,
		ClosedAt:  m.ClosedAt.UTC(),
		Decisions: []decision{},
	}
	for _, v := range m.Votes {
		d := decision{
			Outcome: v.Outcome,
			By:      v.By,
			Via:     v.Via,
			At:      v.At.UTC(),
			Comment: v.Comment,
		}
		if m.Rules.HasOwnRules() {
			d.choice = newChoice(v)
		}
		out.Decisions = append(out.Decisions, d)
	}
	return out
}

// EncodeWithLink returns the event with the link to the decision page, for a receiver that passes it on to the
// approver.
func EncodeWithLink(m approval.Message) ([]byte, error) { return json.Marshal(newEvent(m)) }

// EncodePublic returns the event without the link, for receivers that are not the approver, in at most limit bytes. If
// it is longer, details are left out from the end and counted in detailsCut, then the comments are cut, and then the
// values and changes are left out.
func EncodePublic(m approval.Message, limit int) ([]byte, error) {
	e := newEvent(m)
	e.Data.Link = ""
	return fitDetails(&e.Data, limit, func() ([]byte, error) { return json.Marshal(e) })
}

// maxCutComment is how much is left of a comment in an event that is too long, in characters.
const maxCutComment = 200

// fitDetails encodes an event, and leaves out details of its data from the end until it has at most limit bytes. If that
// is not enough, it cuts the comments, and leaves out the values and changes of the decisions from the first on.
func fitDetails(d *data, limit int, encode func() ([]byte, error)) ([]byte, error) {
	cutComments := false
	for {
		b, err := encode()
		if err != nil || len(b) <= limit {
			return b, err
		}
		switch {
		case len(d.Details) > 0:
			d.Details = d.Details[:len(d.Details)-1]
			d.DetailsCut++
		case !cutComments:
			cutComments = true
			d.cutComments()
		case !d.cutValues():
			return b, nil
		}
	}
}

func (d *data) cutComments() {
	if d.Outcome == nil {
		return
	}
	for i := range d.Outcome.Decisions {
		c := &d.Outcome.Decisions[i].Comment
		*c = approval.CutText(*c, maxCutComment, 4*maxCutComment)
	}
}

// cutValues leaves out the values and changes of the first decision that has them, and reports whether there was one.
func (d *data) cutValues() bool {
	if d.Outcome == nil {
		return false
	}
	for _, made := range d.Outcome.Decisions {
		if made.choice != nil && made.cut() {
			return true
		}
	}
	return false
}
