package teams_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/secret"
)

var update = flag.Bool("update", false, "write the golden files anew")

func open(t testing.TB, w *teamstest.Workflow) *teams.Channel {
	t.Helper()
	ch, err := teams.NewChannel(teams.Config{Config: post.Config{URL: secret.New(w.URL), AllowInternal: true,
		Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// sent posts a message and returns the card.
func sent(t *testing.T, m approval.Message) teamstest.Card {
	t.Helper()
	w := teamstest.StartWorkflow(t)
	if err := open(t, w).Notify(t.Context(), m); err != nil || len(w.Cards()) != 1 {
		t.Fatalf("%v, %d cards", err, len(w.Cards()))
	}
	return w.Cards()[0]
}

func hostile() approval.Message {
	m := notifytest.NewMessage()
	m.Title = "**Approved already**\r\n[Review and decide](https://evil.example)"
	m.OrderID, m.Requester, m.Step = "<at>everyone</at>", "\u202eevil", "# Step\n- one"
	m.Details = []approval.Field{
		{Name: "[Amount](https://evil.example)",
			Value: "1 EUR\n\n![x](https://evil.example/x.png)\r\n1. `code`\n{{DATE(2026-01-01T00:00:00Z)}}"},
		{Name: "Empty", Value: " \n"},
	}
	return m
}

func TestCard(t *testing.T) {
	t.Parallel()
	reminder := notifytest.NewMessage()
	reminder.Kind, reminder.Title, reminder.Step, reminder.Requester, reminder.Details = approval.NotifyReminder, "", "", "", nil
	long := notifytest.NewMessage()
	long.Title = strings.Repeat("Réfund ", 30)
	long.Details = []approval.Field{
		{Name: strings.Repeat("n", 200), Value: strings.Repeat("väl ", 500)},
		{Name: "Lines", Value: strings.Repeat("line\n", 30) + "end"},
	}
	for range 30 {
		long.Details = append(long.Details, approval.Field{Name: "Item", Value: "x"})
	}
	for name, m := range map[string]approval.Message{
		"good_request":  notifytest.NewMessage(),
		"good_reminder": reminder,
		"good_long":     long,
		"good_hostile":  hostile(),
		"good_german":   notifytest.NewGermanMessage(t),
	} {
		card := sent(t, m)
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(card.Body), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", b.String()+"\n")
		golden(t, name+".txt", card.Text)
		if m.Language != "" {
			notifytest.NoEnglish(t, card.Text)
		}
		if card.URL != notifytest.Link || strings.Contains(card.Text, "c2lnbmF0dXJl") {
			t.Errorf("%s: the link is %q\n%s", name, card.URL, card.Text)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s", name, got)
	}
}

// The largest possible message is cut to the limit, and counts the details that are left out.
func TestLargest(t *testing.T) {
	t.Parallel()
	for _, value := range []string{strings.Repeat("😀", 512), strings.Repeat("\x01", 2048),
		strings.Repeat("\\\n", 1024), strings.Repeat("<", 2048)} {
		m := notifytest.NewMessage()
		m.Title = value
		m.Details = nil
		for range 50 {
			m.Details = append(m.Details, approval.Field{Name: value[:256], Value: value})
		}
		card := sent(t, m)
		if len(card.Body) > 20_000 || !strings.Contains(card.Text, " more details are on the page.)") ||
			!strings.Contains(card.Text, "(Cut here: ") && value[0] != 0xf0 {
			t.Errorf("%d bytes\n%s", len(card.Body), card.Text)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		after  string
		kind   approval.ResultKind
		wait   time.Duration
		maybe  bool
	}{
		{200, "", approval.ResultOK, 0, false}, {202, "", approval.ResultOK, 0, false},
		{302, "", approval.ResultRefused, 0, false},
		{400, "", approval.ResultRefused, 0, false},
		{401, "", approval.ResultRefused, 0, false},
		{404, "", approval.ResultRefused, 0, false}, {413, "", approval.ResultRefused, 0, false},
		{429, "17", approval.ResultFailed, 17 * time.Second, false}, {429, "", approval.ResultFailed, 0, false},
		{500, "", approval.ResultFailed, 0, true},
		{502, "", approval.ResultFailed, 0, true},
		{503, "5", approval.ResultFailed, 5 * time.Second, true},
	} {
		w := teamstest.StartWorkflow(t)
		w.Status, w.Header = c.status, http.Header{"Retry-After": {c.after}, "Location": {"/elsewhere"}}
		r := approval.ResultOf(notifytest.NoLeaks(t, open(t, w), "s3cret-path", teamstest.Signature))
		if r.Kind != c.kind || r.After != c.wait || r.MaybeApplied != c.maybe || w.CountCalls() != 1 {
			t.Errorf("%d: %+v after %d calls", c.status, r, w.CountCalls())
		}
	}
}

func TestNoWorkflow(t *testing.T) {
	w := teamstest.StartWorkflow(t)
	w.URL = strings.Replace(w.URL, "http://127.0.0.1:", "http://127.0.0.1:1", 1) // no such port, or nobody's
	if r := approval.ResultOf(notifytest.NoLeaks(t, open(t, w), "s3cret-path",
		teamstest.Signature)); r.Kind != approval.ResultFailed || r.MaybeApplied {
		t.Errorf("%+v", r)
	}
}

func TestNewNamesFaults(t *testing.T) {
	t.Parallel()
	if _, err := teams.NewChannel(teams.Config{Config: post.Config{URL: secret.New("s3cret")}}); err == nil ||
		!strings.HasPrefix(err.Error(), "url: ") || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
}

func FuzzCard(f *testing.F) {
	h := hostile()
	f.Add(h.Title, h.Details[0].Name, h.Details[0].Value, 1)
	f.Add("{{{DATE(", "\xff", "{{\u202eTIME(", 60)
	w := teamstest.StartWorkflow(f)
	ch := open(f, w) // a channel for all inputs: each has connections of its own
	f.Fuzz(func(t *testing.T, title, name, value string, n int) {
		m := notifytest.NewMessage()
		m.Title, m.Details = title, nil
		for range min(max(n, 0), 60) {
			m.Details = append(m.Details, approval.Field{Name: name, Value: value})
		}
		if err := ch.Notify(t.Context(), m); err != nil {
			t.Error(err)
		}
	})
}
