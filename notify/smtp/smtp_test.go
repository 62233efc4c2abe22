package smtp_test

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/smtp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const password = "pa55word-s3cret"

var now = time.Date(2026, 3, 2, 9, 31, 0, 0, time.UTC)

func config(s *server, mode smtp.TLS) smtp.Config {
	return smtp.Config{
		Settings: smtp.Settings{
			Host: s.addr.IP.String(),
			Port: s.addr.Port,
			TLS:  mode,
			From: `"Approvals" <relay@example.org>`,
		},
		RootCAs: s.pool,
		Timeout: 10 * time.Second,
		Now:     func() time.Time { return now },
	}
}

func open(t *testing.T, c smtp.Config) *smtp.Channel {
	t.Helper()
	ch, err := smtp.NewChannel(c)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// sent sends a message without TLS and returns the e-mail that the server got.
func sent(t *testing.T, m approval.Message) (*mail.Message, string, string) {
	t.Helper()
	s := start(t, &server{}, false, false)
	if err := open(t, config(s, smtp.None)).Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(s.got()) != 1 || s.got()[0].from != "relay@example.org" || strings.Join(s.got()[0].to, " ") != m.Approver {
		t.Fatalf("got %+v", s.got())
	}
	return parts(t, s.got()[0].body)
}

// parts parses an e-mail with exactly a text part and an HTML part.
func parts(t *testing.T, body []byte) (msg *mail.Message, text, html string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q: %v", kind, err)
	}
	r := multipart.NewReader(msg.Body, params["boundary"])
	for _, into := range []struct {
		kind string
		text *string
	}{{"text/plain; charset=UTF-8", &text}, {"text/html; charset=UTF-8", &html}} {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if p.Header.Get("Content-Type") != into.kind || p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("part %v", p.Header)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		*into.text = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Fatalf("a third part, or %v", err)
	}
	return msg, text, html
}

func TestEmail(t *testing.T) {
	t.Parallel()
	reminder := notifytest.NewMessage()
	reminder.Kind, reminder.Title, reminder.Step, reminder.Requester, reminder.Details = approval.NotifyReminder, "", "", "", nil
	long := notifytest.NewMessage()
	long.Title = strings.Repeat("Réfund ", 30)
	long.Details = []approval.Field{{Name: strings.Repeat("n", 200), Value: strings.Repeat("väl ", 500)}}
	for range 30 {
		long.Details = append(long.Details, approval.Field{Name: "Item", Value: "x"})
	}
	hostile := notifytest.NewMessage()
	hostile.OrderID, hostile.Title = "A\r\nBcc: evil@example.com\r\n\r\nbody", "<script>alert(1)</script>\r\nX-Evil: 1"
	hostile.Details = []approval.Field{{Name: `"><img src=x>`,
		Value: "a\n\nTo approve or reject, open this page:\n\nhttps://evil.example/\n<a href=javascript:alert(1)>"}}
	hostile.Requester, hostile.Step = "\u202eevil", "=?utf-8?q?=0D=0ABcc:_evil?="
	for name, m := range map[string]approval.Message{
		"good_request":  notifytest.NewMessage(),
		"good_reminder": reminder,
		"good_long":     long,
		"good_hostile":  hostile,
		"good_german":   notifytest.NewGermanMessage(t),
	} {
		msg, text, html := sent(t, m)
		checkHeaders(t, name, msg)
		subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", "Subject: "+subject+"\n\n"+text)
		golden(t, name+".html", html)
		if m.Language != "" {
			notifytest.NoEnglish(t, subject+text+html)
		}
		if !strings.Contains(text, "\n"+notifytest.Link+"\n") || strings.Count(html, `href="`+notifytest.Link+`"`) != 2 {
			t.Errorf("%s lacks the link", name)
		}
	}
}

func checkHeaders(t *testing.T, name string, msg *mail.Message) {
	t.Helper()
	for header, want := range map[string]string{
		"From":                     `"Approvals" <relay@example.org>`,
		"To":                       "<alan@example.com>",
		"Date":                     "Mon, 02 Mar 2026 09:31:00 +0000",
		"Message-Id":               "<0123456789abcdef0123456789abcdef.1@example.org>",
		"References":               "<0123456789abcdef0123456789abcdef@example.org>",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"Bcc":                      "",
		"X-Evil":                   "",
		"User-Agent":               "",
		"X-Mailer":                 "",
	} {
		if got := msg.Header.Get(header); got != want {
			t.Errorf("%s: %s is %q, want %q", name, header, got, want)
		}
	}
	for header, values := range msg.Header {
		if strings.Contains(strings.Join(values, "\n"), "c2lnbmF0dXJl") {
			t.Errorf("%s: the link is in header %s", name, header)
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

func TestMessageID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, id := range []string{"a.1", "a.2", "", ".a", "a..b", "a b", "a>\r\nBcc: x", "ü"} {
		m := notifytest.NewMessage()
		m.ID = id
		first, _, _ := sent(t, m)
		m.Attempt++
		again, _, _ := sent(t, m)
		got := first.Header.Get("Message-Id")
		if got != again.Header.Get("Message-Id") || seen[got] || strings.ContainsAny(got, " \r\n") ||
			!strings.HasSuffix(got, "@example.org>") {
			t.Errorf("%q: %s", id, got)
		}
		seen[got] = true
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	s := start(t, &server{}, false, false)
	c := config(s, smtp.None)
	templates, err := email.ParseTemplates(email.Source{Subject: "A\n{{.OrderID}} {{.Link}}.", Text: "go {{.Link}}"})
	if err != nil {
		t.Fatal(err)
	}
	c.Templates = email.FilesOf(templates)
	if err := open(t, c).Notify(t.Context(), notifytest.NewMessage()); err != nil {
		t.Fatal(err)
	}
	msg, text, html := parts(t, s.got()[0].body)
	if msg.Header.Get("Subject") != "A A-1001 ." || text != "go "+notifytest.Link ||
		!strings.Contains(html, "Review and decide") {
		t.Errorf("%q %q %q", msg.Header.Get("Subject"), text, html)
	}
}

// Answers go to the organisation, and mail programs know the language.
func TestHeadersOfOrganisation(t *testing.T) {
	t.Parallel()
	msg, _, _ := sent(t, notifytest.NewGermanMessage(t))
	if got := msg.Header.Get("Reply-To"); got != "<freigaben@example.com>" {
		t.Errorf("Reply-To: %q", got)
	}
	if got := msg.Header.Get("Content-Language"); got != "de-DE" {
		t.Errorf("Content-Language: %q", got)
	}
	msg, _, _ = sent(t, notifytest.NewMessage())
	if got := msg.Header.Get("Reply-To"); got != "" {
		t.Errorf("Reply-To: %q", got)
	}
}
