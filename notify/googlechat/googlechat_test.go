package googlechat_test

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
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/googlechat"
	"github.com/approval-relay/approval-relay/notify/googlechat/googlechattest"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

var update = flag.Bool("update", false, "write the golden files again")

func openChannel(t testing.TB, url string) *googlechat.Channel {
	t.Helper()
	ch, err := googlechat.NewChannel(googlechat.Config{
		Config: post.Config{URL: secret.New(url), AllowInternal: true, Timeout: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// send posts a message and returns it as its reader sees it.
func send(t *testing.T, m approval.Message) googlechattest.Message {
	t.Helper()
	w := googlechattest.StartWebhook(t)
	if err := openChannel(t, w.URL).Notify(t.Context(), m); err != nil || len(w.Messages()) != 1 {
		t.Fatalf("%v, %d messages", err, len(w.Messages()))
	}
	return w.Messages()[0]
}

// groupMessage returns a notification as a group gets it: for all approvers at once.
func groupMessage() approval.Message {
	m := notifytest.NewMessage()
	m.Approver = ""
	m.Approvers = []string{"alan@example.com", "kurt@example.com"}
	return m
}

// hostileMessage returns a notification with the markup of Google Chat in every text from outside.
func hostileMessage() approval.Message {
	m := groupMessage()
	m.Title = "<users/all> <b>Approved already</b>\r\n<https://evil.example|Review and decide>"
	m.OrderID = "&lt;A&gt;&nbsp;<br>"
	m.Requester = "\u202eevil"
	m.Step = "*bold* _it_ `code`"
	m.Approvers = []string{"<i>alan</i>", "kurt&"}
	m.Details = []approval.Field{
		{Name: `<a href="https://evil.example">Amount</a>`, Value: "1 EUR\n\n<font color=\"#ff0000\">x</font>\r\nOrder: A-2"},
		{Name: "", Value: " \n"},
	}
	return m
}

func TestCard(t *testing.T) {
	t.Parallel()
	reminder := notifytest.NewMessage()
	reminder.Kind = approval.NotifyReminder
	reminder.Title, reminder.Step, reminder.Requester, reminder.Approver = "", "", "", ""
	reminder.Details = nil
	long := groupMessage()
	long.Title = strings.Repeat("Réfund ", 30)
	long.Details = []approval.Field{
		{Name: strings.Repeat("n", 200), Value: strings.Repeat("väl ", 500)},
		{Name: "Lines", Value: strings.Repeat("line\n", 30) + "end"},
	}
	for range 30 {
		long.Details = append(long.Details, approval.Field{Name: "Item", Value: "x"})
	}
	for name, m := range map[string]approval.Message{
		"good_request":  groupMessage(),
		"good_reminder": reminder,
		"good_long":     long,
		"good_hostile":  hostileMessage(),
		"good_german":   germanMessage(t),
	} {
		got := send(t, m)
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(got.Body), "", "  "); err != nil {
			t.Fatal(err)
		}
		compareGolden(t, name+".json", b.String()+"\n")
		compareGolden(t, name+".txt", got.Text)
		if m.Language != "" {
			notifytest.NoEnglish(t, got.Text)
		}
		if got.URL != notifytest.Link || strings.Contains(got.Text, "c2lnbmF0dXJl") || got.Thread != m.ApprovalID {
			t.Errorf("%s: the link is %q, the thread %q\n%s", name, got.URL, got.Thread, got.Text)
		}
	}
}

// germanMessage returns a message to a group that reads German.
func germanMessage(t *testing.T) approval.Message {
	t.Helper()
	m := notifytest.NewGermanMessage(t)
	m.Approver = ""
	return m
}

// compareGolden compares a text with a golden file.
func compareGolden(t *testing.T, name, got string) {
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

// TestLargest checks that the largest possible message fits, and that it states what it leaves out.
func TestLargest(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		strings.Repeat("😀", 512), strings.Repeat("\x01", 2048), strings.Repeat("&\n", 1024), strings.Repeat("<", 2048),
	} {
		m := groupMessage()
		m.Title, m.OrderID, m.Step, m.Requester, m.Workflow = value, value, value, value, value
		m.Approvers, m.Details = nil, nil
		for range 50 {
			m.Approvers = append(m.Approvers, value)
			m.Details = append(m.Details, approval.Field{Name: value[:256], Value: value})
		}
		got := send(t, m)
		isCut := strings.Contains(got.Text, "(Cut here: ")
		if !strings.Contains(got.Text, " more details are on the page.") || isCut != (len([]rune(value)) > 600) {
			t.Errorf("%d bytes\n%s", len(got.Body), got.Text)
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
		{200, "", approval.ResultOK, 0, false},
		{302, "", approval.ResultRefused, 0, false},
		{400, "", approval.ResultRefused, 0, false},
		{401, "", approval.ResultRefused, 0, false},
		{403, "", approval.ResultRefused, 0, false},
		{404, "", approval.ResultRefused, 0, false},
		{429, "17", approval.ResultFailed, 17 * time.Second, false},
		{429, "", approval.ResultFailed, 0, false},
		{500, "", approval.ResultFailed, 0, true},
		{503, "5", approval.ResultFailed, 5 * time.Second, true},
	} {
		w := googlechattest.StartWebhook(t)
		w.Status, w.Header = c.status, http.Header{"Retry-After": {c.after}, "Location": {"/elsewhere"}}
		r := approval.ResultOf(notifytest.NoLeaks(t, openChannel(t, w.URL), googlechattest.Key, googlechattest.Token))
		if r.Kind != c.kind || r.After != c.wait || r.MaybeApplied != c.maybe || w.CountCalls() != 1 {
			t.Errorf("%d: %+v after %d calls", c.status, r, w.CountCalls())
		}
	}
}

func TestNoConnection(t *testing.T) {
	url := "http://127.0.0.1:1/v1/spaces/A/messages?key=" + googlechattest.Key + "&token=t" // nothing listens on port 1
	r := approval.ResultOf(notifytest.NoLeaks(t, openChannel(t, url), googlechattest.Key))
	if r.Kind != approval.ResultFailed || r.MaybeApplied {
		t.Errorf("%+v", r)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://chat.googleapis.com/v1/spaces/A/messages?key=s3cret&token=s3cret": "",
		"": "webhook_url: must be an http or https URL",
		"http://chat.googleapis.com/v1/spaces/A/messages?key=s3cret&token=s3cret": "webhook_url: must be https",
		"https://chat.googleapis.com/v1/spaces/A/messages?key=s3cret":             "webhook_url: lacks key and token",
	} {
		got := ""
		if err := setup.FaultsOf(&googlechat.Settings{WebhookURL: secret.New(url)}); err != nil {
			got = err.Error()
		}
		if (got == "") != (want == "") || !strings.HasPrefix(got, want) || strings.Contains(got, "s3cret") {
			t.Errorf("%q: %s", url, got)
		}
	}
	if got := new(googlechat.Settings).Audience(); got != notify.AudienceGroup {
		t.Errorf("audience %s", got)
	}
	for _, url := range []string{"s3cret", "https://s3cret\x7f/"} {
		_, err := googlechat.NewChannel(googlechat.Config{Config: post.Config{URL: secret.New(url)}})
		if err == nil || !strings.HasPrefix(err.Error(), "url: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func FuzzCard(f *testing.F) {
	h := hostileMessage()
	f.Add(h.Title, h.Details[0].Name, h.Details[0].Value, 1)
	f.Add("&amp;<", "\xff", "<\u202e\n&", 60)
	w := googlechattest.StartWebhook(f)
	ch := openChannel(f, w.URL)
	f.Fuzz(func(t *testing.T, title, name, value string, n int) {
		m := groupMessage()
		m.Title, m.OrderID, m.Details = title, name, nil
		for range min(max(n, 0), 60) {
			m.Details = append(m.Details, approval.Field{Name: name, Value: value})
		}
		if err := ch.Notify(t.Context(), m); err != nil {
			t.Error(err)
		}
	})
}
