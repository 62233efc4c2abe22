package email

import (
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// notice is the data of the templates of an e-mail that asks nobody to decide. The templates of the configuration are for
// those that do: they speak to an approver.
type notice struct {
	notify.Content
	Language string
	Dir      string
	Link     string
	// Organisation is the organisation that asks.
	Organisation Organisation
}

// renderNotice returns the e-mail of a notice. Its link is in the body only.
func renderNotice(m approval.Message) (Text, error) {
	words := language.For(m.Language)
	data := notice{
		Content:  notify.NewContent(m, limits),
		Language: string(words.Tag()),
		Dir:      words.Direction(),
		Link:     m.Link.Reveal(),

		Organisation: newOrganisation(m),
	}
	subject := words.Text("mail.subject", "headline", data.Headline, "title", language.Isolate(data.Title),
		"order", untrusted.SingleLine(m.OrderID))
	out := Text{Subject: untrusted.Shorten(subject, maxSubject)}
	plain, err := texttemplate.ParseFS(builtIn, "templates/notice.text.tmpl")
	if err != nil {
		return Text{}, fmt.Errorf("notice: %w", err)
	}
	html, err := htmltemplate.ParseFS(builtIn, "templates/notice.html.tmpl")
	if err != nil {
		return Text{}, fmt.Errorf("notice: %w", err)
	}
	var b strings.Builder
	if err := plain.Execute(&b, data); err != nil {
		return Text{}, fmt.Errorf("notice: %w", err)
	}
	out.Plain = b.String()
	b.Reset()
	if err := html.Execute(&b, data); err != nil {
		return Text{}, fmt.Errorf("notice: %w", err)
	}
	out.HTML = b.String()
	return out, nil
}
