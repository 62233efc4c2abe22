package smtp

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
)

// Templates are texts of Go templates (text/template; html/template for HTML)
// that get a Mail. An empty one is the built-in one.
type Templates struct {
	Subject string
	Text    string
	HTML    string
}

//go:embed templates
var builtIn embed.FS

// maxSubject is how long a subject may be, in characters. Most clients show less.
const maxSubject = 200

// pages are parsed templates.
type pages struct {
	subject, text *texttemplate.Template
	html          *htmltemplate.Template
}

// parse reads the templates and tries them out, so that a fault in one is found
// at start and not with the first approval.
func parse(t Templates) (*pages, error) {
	var p pages
	var subjectErr, textErr, htmlErr error
	p.subject, subjectErr = texttemplate.New("subject").Parse(or(t.Subject, "subject.tmpl"))
	p.text, textErr = texttemplate.New("text").Parse(or(t.Text, "text.tmpl"))
	p.html, htmlErr = htmltemplate.New("html").Parse(or(t.HTML, "html.tmpl"))
	if err := errors.Join(subjectErr, textErr, htmlErr); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	const link = "https://approval-relay.invalid/a/link"
	for _, kind := range []approval.NotificationKind{approval.NotifyRequest, approval.NotifyReminder} {
		_, text, html, err := p.render(newMail(approval.Message{
			Kind: kind, OrderID: "order", Workflow: "workflow", Step: "step", Title: "title", Requester: "requester", Approver: "approver",
			Details: []approval.Field{{Name: "name", Value: "value"}}, RequestedAt: time.Unix(0, 0), Deadline: time.Unix(0, 0),
			Link: approval.NewToken(link),
		}))
		switch {
		case err != nil:
			return nil, fmt.Errorf("templates: %w", err)
		case !strings.Contains(text, link):
			return nil, errors.New("templates: the text lacks {{.Link}}")
		case !strings.Contains(html, `"`+link+`"`):
			return nil, errors.New(`templates: the HTML lacks href="{{.Link}}"`)
		}
	}
	return &p, nil
}

func or(text, file string) string {
	if text != "" {
		return text
	}
	b, err := builtIn.ReadFile("templates/" + file)
	if err != nil {
		return "{{" // embedded, so it is there; this would not parse
	}
	return string(b)
}

// render makes the three parts of an e-mail. The subject is one line, whatever
// the template does.
func (p *pages) render(m Mail) (subject, text, html string, err error) {
	var s, t, h strings.Builder
	noLink := m
	noLink.Link = ""
	if err := errors.Join(p.subject.Execute(&s, noLink), p.text.Execute(&t, m), p.html.Execute(&h, m)); err != nil {
		return "", "", "", err
	}
	subject, cut := notify.Cut(notify.Line(s.String()), maxSubject)
	if cut > 0 {
		subject += "…"
	}
	return subject, t.String(), h.String(), nil
}
