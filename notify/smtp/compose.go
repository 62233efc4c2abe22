package smtp

import (
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
)

// compose makes the e-mail. The link is in its body only: headers are logged by
// every server on the way.
func (c *Channel) compose(m approval.Message, to *mail.Address) (*gomail.Msg, error) {
	subject, text, html, err := c.pages.render(newMail(m))
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(c.from)
	msg.ToMailAddress(to)
	msg.Subject(subject)
	msg.SetDateWithValue(c.config.Now())
	msg.SetMessageIDWithValue(c.messageID(m.ID))
	// All e-mails of an approval are one conversation.
	msg.SetGenHeader(gomail.HeaderReferences, "<"+c.messageID(m.ApprovalID)+">")
	// RFC 3834, and what Exchange heeds: no out-of-office replies.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, text)
	msg.AddAlternativeString(gomail.TypeTextHTML, html)
	return msg, nil
}

// messageID is the same for every attempt to send the same notification, so a
// second copy can be told as one. IDs are hex and dots; what else there may be
// is written in hex.
func (c *Channel) messageID(id string) string {
	safe := strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == ""
	if !safe || id == "" || strings.Trim(id, ".") != id || strings.Contains(id, "..") {
		id = fmt.Sprintf("x%x", id)
	}
	_, domain, _ := strings.Cut(c.from.Address, "@")
	return id + "@" + domain
}

// Mail is what the templates are given. All texts are fit to be shown, and all
// but the values of Details are on one line.
type Mail struct {
	Reminder    bool
	OrderID     string
	Workflow    string
	Step        string // may be empty
	Title       string // the workflow's name where the request gave none
	Details     []Detail
	More        int    // how many details are left out
	Requester   string // may be empty
	Approver    string
	RequestedAt string // UTC, as "Mon 2 Jan 2006, 15:04 UTC"
	Deadline    string // likewise
	Link        string // of the decision page
}

// Detail is one labelled value of the order.
type Detail struct {
	Name  string
	Lines []string
	Cut   int // how many characters are left out at the end
}

// Bounds of what an e-mail shows. The decision page shows all.
const (
	maxDetails = 25
	maxValue   = 600 // characters
	maxHeading = 120 // characters of a title or name
)

// timeForm names the zone: mail is read anywhere.
const timeForm = "Mon 2 Jan 2006, 15:04 MST"

func newMail(m approval.Message) Mail {
	out := Mail{
		Reminder: m.Kind == approval.NotifyReminder, OrderID: heading(m.OrderID), Workflow: heading(m.Workflow), Step: heading(m.Step),
		Title: heading(m.Title), Requester: heading(m.Requester), Approver: heading(m.Approver),
		RequestedAt: m.RequestedAt.UTC().Format(timeForm), Deadline: m.Deadline.UTC().Format(timeForm), Link: m.Link.Reveal(),
	}
	if out.Title == "" {
		out.Title = out.Workflow
	}
	for i, f := range m.Details {
		if i == maxDetails {
			out.More = len(m.Details) - i
			break
		}
		value, cut := notify.Cut(strings.TrimSpace(notify.Text(f.Value)), maxValue)
		out.Details = append(out.Details, Detail{Name: heading(f.Name), Lines: strings.Split(value, "\n"), Cut: cut})
	}
	return out
}

// heading fits a name or title on one line; an ellipsis says that it was cut.
func heading(s string) string {
	head, cut := notify.Cut(notify.Line(s), maxHeading)
	if cut > 0 {
		head += "…"
	}
	return head
}
