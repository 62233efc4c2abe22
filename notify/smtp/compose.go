package smtp

import (
	"net/mail"

	gomail "github.com/wneessen/go-mail"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
)

// composeMail returns the e-mail. Its link is in the body only: every server on the way logs the headers.
func (c *Channel) composeMail(m approval.Message, to *mail.Address) (*gomail.Msg, error) {
	text, err := c.templates.RenderMail(m)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(c.from)
	msg.ToMailAddress(to)
	msg.Subject(text.Subject)
	msg.SetDateWithValue(c.config.Now())
	msg.SetMessageIDWithValue(email.MessageID(m.ID, c.from))
	// All e-mails of an approval form a conversation.
	msg.SetGenHeader(gomail.HeaderReferences, "<"+email.MessageID(m.ApprovalID, c.from)+">")
	msg.SetGenHeader(gomail.HeaderContentLang, email.ContentLanguage(m))
	if replyTo := email.ReplyTo(m); replyTo != nil {
		msg.ReplyToMailAddress(replyTo)
	}
	// These two prevent out-of-office replies, by RFC 3834 and in Exchange.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, text.Plain)
	msg.AddAlternativeString(gomail.TypeTextHTML, text.HTML)
	return msg, nil
}
