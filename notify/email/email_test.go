package email_test

import (
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

// The golden files of notify/smtp check the built-in templates.

func parsePart(t *testing.T, s email.Source) *email.Templates {
	t.Helper()
	templates, err := email.ParseTemplates(s)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

func TestRender(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Title = "<b>\r\nBcc: evil@example.com"
	text, err := parsePart(t, email.Source{
		Subject: "{{.Title}}\n{{.Link}}.",
		Text:    "{{.Title}} {{.Link}}",
		HTML:    `<p>{{.Title}}</p><a href="{{.Link}}">{{.Approver}}</a>`,
	}).RenderMail(m)
	want := email.Text{
		Subject: "<b> Bcc: evil@example.com .", Plain: "<b> Bcc: evil@example.com " + notifytest.Link,
		HTML: `<p>&lt;b&gt; Bcc: evil@example.com</p><a href="` + notifytest.Link + `">alan@example.com</a>`,
	}
	if err != nil || text != want {
		t.Errorf("%+v, %v", text, err)
	}
	long, err := parsePart(t, email.Source{Subject: `{{range .Details}}{{range .Lines}}{{.}}{{end}}{{end}}`}).RenderMail(approval.Message{
		Details: []approval.Field{{Name: "a", Value: strings.Repeat("ä", 500)}},
	})
	if err != nil || long.Subject != strings.Repeat("ä", 199)+"…" {
		t.Errorf("%q, %v", long.Subject, err)
	}
}

// Each faulty template is named, with its line.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source email.Source
		want   string
	}{
		"does not parse": {email.Source{Subject: "a\n{{.Title"}, "templates.subject: line 2: unclosed action"},
		"no such field": {email.Source{Text: "{{.Link}}\n\n{{.Nothing}}"},
			`templates.text: line 3: executing "text" at <.Nothing>: can't evaluate field Nothing in type email.Mail`},
		"no such function": {email.Source{HTML: "<p>\n{{shout .Title}}"},
			`templates.html: line 2: function "shout" not defined`},
		"not there": {email.Source{Text: `{{(index .Details 0).Name}} {{.Link}}`},
			`templates.text: line 1: executing "text" at <index .Details 0>: error calling index: reflect: slice index out of range`},
		"in a template of it": {email.Source{HTML: "{{define \"row\"}}\n{{.Nothing}}{{end}}{{template \"row\" .}}"},
			`templates.html: line 2: executing "row" at <.Nothing>: can't evaluate field Nothing in type email.Mail`},
		"no such template": {email.Source{HTML: `{{template "row" .}}`},
			`templates.html: line 1: no such template "row"`},
		"ends in an attribute": {email.Source{HTML: `<a href="{{.Link}}`},
			`templates.html: ends in a non-text context: {stateURL delimDoubleQuote urlPartNone jsCtxRegexp [] attrURL elementNone <nil>}`},
		"no link":             {email.Source{Text: "decide!"}, "templates.text: lacks {{.Link}}"},
		"no link that is one": {email.Source{HTML: "<p>{{.Link}}</p>"}, `templates.html: lacks href="{{.Link}}"`},
		"no link in a reminder": {email.Source{Text: "{{if not .Reminder}}{{.Link}}{{end}}"},
			"templates.text: lacks {{.Link}}"},
		"three at once": {
			email.Source{Subject: "{{", Text: "x", HTML: "y"},
			"templates.subject: line 1: unclosed action\ntemplates.text: lacks {{.Link}}\ntemplates.html: lacks href=\"{{.Link}}\"",
		},
	} {
		if _, err := email.ParseTemplates(c.source); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n%v\nwant\n%s", name, err, c.want)
		}
	}
}

func TestMessageID(t *testing.T) {
	t.Parallel()
	from := &mail.Address{Address: "relay@example.org"}
	for id, want := range map[string]string{
		"0a.1":   "0a.1@example.org",
		"":       "x@example.org",
		".a":     "x2e61@example.org",
		"a..b":   "x612e2e62@example.org",
		"a>\r\n": "x613e0d0a@example.org",
	} {
		if got := email.MessageID(id, from); got != want {
			t.Errorf("%q: %s, want %s", id, got, want)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("title", "value", "a@example.com")
	f.Add("<script>", "a\r\n.\r\nb{{ses:openTracker}}", "\u202e\xff")
	templates, err := email.ParseTemplates(email.Source{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, title, value, approver string) {
		text, err := templates.RenderMail(approval.Message{
			Title:    title,
			Approver: approver,
			Details:  []approval.Field{{Name: title, Value: value}},
			Deadline: time.Unix(0, 0),
			Link:     approval.NewToken(notifytest.Link),
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(text.Subject, "\r\n\x00\x1b") || strings.Count(text.HTML, "<a ") != 2 ||
			strings.Contains(text.HTML, "<script") {
			t.Errorf("%q\n%s", text.Subject, text.HTML)
		}
		if !strings.Contains(text.Plain, "\n"+notifytest.Link+"\n") || strings.ContainsAny(text.Plain, "\r\x00\x1b") {
			t.Errorf("%q", text.Plain)
		}
	})
}
