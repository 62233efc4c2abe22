package email

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"regexp"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Source has the texts of three Go templates (text/template; html/template for HTML) with a Mail as data. An empty text
// means the built-in template.
type Source struct {
	Subject string
	Text    string
	HTML    string
}

//go:embed templates
var builtIn embed.FS

// maxSubject is the longest subject, in characters. Most mail programs show less.
const maxSubject = 200

// Templates are parsed templates that have been tried out.
type Templates struct{ parts []part }

// part is a template for a part of an e-mail.
type part struct {
	name     string // subject, text or html
	template interface {
		Execute(w io.Writer, data any) error
	}
}

// Fault is a fault of a template.
type Fault struct {
	Part string // subject, text or html
	Line int    // of the template; 0 if it is not known
	What string
}

// Error returns "templates.PART: line LINE: WHAT".
func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("templates.%s: %s", f.Part, f.What)
	}
	return fmt.Sprintf("templates.%s: line %d: %s", f.Part, f.Line, f.What)
}

// Faults are the faults of the templates, at most one fault for each.
type Faults []*Fault

// Error lists the faults, each on its own line.
func (f Faults) Error() string {
	lines := make([]string, 0, len(f))
	for _, fault := range f {
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// ParseTemplates parses the templates and tries them out, so that a fault is found at the start and not with the first approval.
// The error is Faults.
func ParseTemplates(s Source) (*Templates, error) {
	t := &Templates{}
	var faults Faults
	for _, source := range []struct{ name, text string }{{"subject", s.Subject}, {"text", s.Text}, {"html", s.HTML}} {
		p, err := parsePart(source.name, source.text)
		if err == nil {
			err = p.tryOut()
		}
		if err != nil {
			faults = append(faults, newFault(source.name, err))
		}
		t.parts = append(t.parts, p)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return t, nil
}

func parsePart(name, text string) (p part, err error) {
	p.name = name
	if text == "" {
		b, err := builtIn.ReadFile("templates/" + name + ".tmpl")
		if err != nil {
			return p, err
		}
		text = string(b)
	}
	if name == "html" {
		p.template, err = htmltemplate.New(name).Parse(text)
	} else {
		p.template, err = texttemplate.New(name).Parse(text)
	}
	return p, err
}

// tryOut executes a template on each kind of message, once with every field and once with as few fields as possible. The
// result must contain the link, by which the reader decides.
func (p part) tryOut() error {
	for _, m := range sampleMessages() {
		text, err := p.executePart(newMail(m))
		switch {
		case err != nil:
			return err
		case p.name == "text" && !strings.Contains(text, sampleLink):
			return errors.New("lacks {{.Link}}")
		case p.name == "html" && !strings.Contains(text, `"`+sampleLink+`"`):
			return errors.New(`lacks href="{{.Link}}"`)
		}
	}
	return nil
}

const sampleLogo = "https://approval-relay.invalid/assets/logo.png"

const sampleLink = "https://approval-relay.invalid/a/link"

// sampleMessages returns the messages on which the templates are tried out.
func sampleMessages() []approval.Message {
	var out []approval.Message
	kinds := []approval.NotificationKind{approval.NotifyRequest, approval.NotifyReminder, approval.NotifyEscalation, approval.NotifyAnswer}
	for _, kind := range kinds {
		least := approval.Message{
			Kind:        kind,
			OrderID:     "order",
			Workflow:    "workflow",
			Approver:    "approver",
			RequestedAt: time.Unix(0, 0),
			Deadline:    time.Unix(0, 0),
			Link:        approval.NewToken(sampleLink),
		}
		all := least
		all.Step = "step"
		all.Title = "title"
		all.Requester = "requester"
		all.Votes = []approval.Vote{{By: "somebody", Outcome: approval.Approve}}
		all.Language = "de"
		all.Organisation = organisation.Organisation{Name: "organisation", Support: "support", LogoURL: sampleLogo}
		all.Details = []approval.Field{{Name: "name", Value: "line\nline"}}
		out = append(out, all, least)
	}
	return out
}

// faultForm is the beginning of the errors of both template packages: the name of the template, the line and perhaps the
// column.
var faultForm = regexp.MustCompile(`(?s)^(?:html/)?template: ?"?[^:"]+"?(?::(\d+))?(?::\d+)?: (.*)$`)

// newFault returns the fault with the line that the error of a template names.
func newFault(name string, err error) *Fault {
	f := &Fault{Part: name, What: err.Error()}
	if m := faultForm.FindStringSubmatch(f.What); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.What = m[2]
	}
	f.What = untrusted.SingleLine(f.What)
	return f
}

// executePart renders a part of an e-mail. The subject always has one line, and never the link: mail servers log the
// headers.
func (p part) executePart(m Mail) (string, error) {
	subject := p.name == "subject"
	if subject {
		m.Link = ""
	}
	var b strings.Builder
	if err := p.template.Execute(&b, m); err != nil {
		return "", err
	}
	if !subject {
		return b.String(), nil
	}
	return untrusted.Shorten(cleanSubject(b.String()), maxSubject), nil
}

// isolates matches the marks of language.Isolate. Texts from outside have lost theirs before.
var isolates = regexp.MustCompile("[\u2068\u2069]")

// cleanSubject returns a subject on one line. It keeps the marks around a title from right to left.
func cleanSubject(s string) string {
	marks := isolates.FindAllString(s, -1)
	for i, part := range isolates.Split(s, -1) {
		part = untrusted.MultiLine(part)
		if i == 0 {
			s = part
		} else {
			s += marks[i-1] + part
		}
	}
	return strings.Join(strings.Fields(s), " ")
}

// Text is an e-mail without its envelope.
type Text struct {
	Subject string // one line
	Plain   string
	HTML    string
}

// RenderMail returns the e-mail of a notification. Its link is in the body only.
func (t *Templates) RenderMail(m approval.Message) (Text, error) {
	if m.Kind.IsNotice() {
		return renderNotice(m)
	}
	var out Text
	fields := []*string{&out.Subject, &out.Plain, &out.HTML}
	mail := newMail(m)
	for i, p := range t.parts {
		text, err := p.executePart(mail)
		if err != nil {
			return Text{}, newFault(p.name, err)
		}
		*fields[i] = text
	}
	return out, nil
}
