package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

// The golden files of notify/webhook and notify/sns check the bodies.

func TestEncodePublic(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
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
		if len(b) > max(limit, 1000) || len(d.Details)+d.DetailsCut != 50 || d.Link != nil ||
			(limit > 100_000) != (d.DetailsCut == 0) {
			t.Errorf("%d: %d bytes, %d details, %d cut", limit, len(b), len(d.Details), d.DetailsCut)
		}
	}
	if len(m.Details) != 50 {
		t.Error("the message was changed")
	}
}

// An event has no link, and has the outcome if the approval is closed.
func TestEvents(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	m := notifytest.NewMessage()
	m.Kind, m.Event, m.At, m.Link, m.Approver = approval.NotifyEvent, "approval.decided", at, approval.Token{}, ""
	m.Status, m.ClosedAt, m.Reason = approval.Rejected, at.Add(-time.Second), "why"
	m.Votes = []approval.Vote{{
		Outcome: approval.Reject,
		By:      "alan@example.com",
		Via:     approval.ViaChat,
		At:      at.Add(-time.Second),
		Comment: "too dear",
	}}
	want := `"outcome":{"status":"rejected","reason":"why","closedAt":"2026-03-02T11:59:59Z","decisions":[` +
		`{"outcome":"reject","by":"alan@example.com","via":"chat","at":"2026-03-02T11:59:59Z","comment":"too dear"}]}`
	for kind, outcome := range map[string]bool{"approval.decided": true, "callback.delivered": true,
		approval.ProgramEventRequested: false} {
		m.Event = kind
		b, err := event.EncodeWithLink(m)
		if err != nil {
			t.Fatal(err)
		}
		got := string(b)
		if !strings.HasPrefix(got, `{"type":"`+kind+`","timestamp":"2026-03-02T12:00:00Z"`) ||
			strings.Contains(got, want) != outcome || strings.Contains(got, `"link"`) {
			t.Errorf("%s: %s", kind, got)
		}
	}
	m.Status = approval.Pending
	if b, _ := event.EncodeWithLink(m); strings.Contains(string(b), "outcome") {
		t.Errorf("%s", b)
	}
}
