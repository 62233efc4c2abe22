package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

// The bodies are held by the golden files of notify/webhook and notify/sns.

func TestEncodePublic(t *testing.T) {
	t.Parallel()
	m := notifytest.Message()
	m.Details = nil
	for range 50 {
		m.Details = append(m.Details, approval.Field{Name: "<", Value: strings.Repeat("\x01", 100)})
	}
	for _, limit := range []int{0, 2000, 20_000, 1 << 20} {
		b, err := event.EncodePublic(m, limit)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Data struct {
				Details    []approval.Field
				DetailsCut int
				Link       *string
			}
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		d := got.Data
		if len(b) > max(limit, 1000) || len(d.Details)+d.DetailsCut != 50 || d.Link != nil || (limit > 100_000) != (d.DetailsCut == 0) {
			t.Errorf("%d: %d bytes, %d details, %d cut", limit, len(b), len(d.Details), d.DetailsCut)
		}
	}
	if len(m.Details) != 50 {
		t.Error("the message was changed")
	}
}

func TestType(t *testing.T) {
	t.Parallel()
	for kind, want := range map[approval.NotificationKind]string{
		approval.NotifyRequest: "approval.requested", approval.NotifyReminder: "approval.reminder", approval.NotifyEscalation: "approval.escalation",
		approval.NotifyEvent: "approval.decided", "another": "approval.another",
	} {
		m := notifytest.Message()
		m.Kind, m.Event, m.Status, m.Reason, m.Callback = kind, "approval.decided", approval.Rejected, "too dear", approval.CallbackDelivered
		b, err := event.EncodePublic(m, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		happened := strings.Contains(string(b), `"status":"rejected","reason":"too dear","callback":"delivered"`)
		if !strings.Contains(string(b), `{"type":"`+want+`"`) || happened != (kind == approval.NotifyEvent) {
			t.Errorf("%s: %s", kind, b)
		}
	}
}
