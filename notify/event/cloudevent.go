package event

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// cloudEvent is an event in the JSON format of CloudEvents 1.0:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md. Every attempt to send a
// notification has the same bytes.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"` // the ID of the notification
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"` // the order
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            data      `json:"data"`
}

// TimeOf returns the time of the event: when it happened, or the time of the request for a notification to an approver.
func TimeOf(m approval.Message) time.Time {
	if m.Kind == approval.NotifyEvent {
		return m.At.UTC()
	}
	return m.RequestedAt.UTC()
}

// EncodeCloudEvent returns the event as a CloudEvent of a source, without the link, in at most limit bytes. If it is
// longer, details are left out from the end and counted in detailsCut. The source is a URI reference, such as
// "approval-relay".
func EncodeCloudEvent(m approval.Message, source string, limit int) ([]byte, error) {
	e := newEvent(m)
	e.Data.Link = ""
	c := cloudEvent{
		SpecVersion:     "1.0",
		ID:              m.ID,
		Source:          source,
		Type:            e.Type,
		Subject:         m.OrderID,
		Time:            e.Timestamp,
		DataContentType: "application/json",
		Data:            e.Data,
	}
	return fitDetails(&c.Data, limit, func() ([]byte, error) { return json.Marshal(c) })
}
