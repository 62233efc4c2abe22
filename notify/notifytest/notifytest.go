// Package notifytest has the helpers for the tests of the channels: a message, and a check that a channel does not leak
// secrets.
package notifytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
)

// Link is the link of Message. Its holder can decide.
const Link = "https://approve.example.com/a/1.bGluay1zZWNyZXQ.azE.c2lnbmF0dXJl"

// NewMessage returns a notification of a request, with every field set.
func NewMessage() approval.Message {
	return approval.Message{
		ID:         "0123456789abcdef0123456789abcdef.1",
		Kind:       approval.NotifyRequest,
		OrderID:    "A-1001",
		ApprovalID: "0123456789abcdef0123456789abcdef",
		Workflow:   "refunds",
		Step:       "finance",
		Title:      "Refund of 480 EUR to Ada Lovelace",
		Details: []approval.Field{
			{Name: "Amount", Value: "480.00 EUR"},
			{Name: "Reason", Value: "Damaged in transit.\nPhotos are in the ticket."},
		},
		Requester:   "grace@example.com",
		Approver:    "alan@example.com",
		RequestedAt: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
		Deadline:    time.Date(2026, 3, 3, 17, 0, 0, 0, time.UTC),
		Link:        approval.NewToken(Link),
		Attempt:     1,
	}
}

// NoLeaks sends Message through a channel, and returns the error. It checks that neither the error, nor an error that it
// wraps, nor the printed channel, nor the standard log shows the link or a secret. A test with NoLeaks is not
// parallel, because it replaces the standard log.
func NoLeaks(t *testing.T, c notify.Channel, secrets ...string) error {
	t.Helper()
	var log buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)

	err := c.Notify(t.Context(), NewMessage())
	shown := append(printAll(c), log.String(), fmt.Sprintf("%+v", NewMessage()))
	for e := err; e != nil; e = errors.Unwrap(e) {
		shown = append(shown, printAll(e)...)
	}
	for _, secret := range append(secrets, Link) {
		for _, form := range encodingsOf(secret) {
			for _, text := range shown {
				if strings.Contains(text, form) {
					t.Errorf("%q is shown in %.300q", form, text)
				}
			}
		}
	}
	return err
}

// buffer is a log that accepts writes of other goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns the text of the log.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// printAll prints a value in all the ways in which a value is printed by accident.
func printAll(v any) []string {
	out := []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%d %q %x", v, v, v)}
	if b, err := json.Marshal(v); err == nil {
		out = append(out, string(b))
	}
	return out
}

// encodingsOf returns the ways in which a secret may be written. The path of a URL is the secret.
func encodingsOf(secret string) []string {
	if u, err := url.Parse(secret); err == nil && u.Scheme != "" && len(u.Path) > 8 {
		secret = u.Path
	}
	return []string{secret, url.QueryEscape(secret), fmt.Sprintf("%x", secret),
		base64.StdEncoding.EncodeToString([]byte(secret))}
}
