// Package email renders the e-mail of a notification, as plain text and HTML, for the channels that send it.
package email

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// ParseRecipient returns the address of the approver. The approver's ID must be an e-mail address and nothing else. The error is
// Permanent.
func ParseRecipient(m approval.Message) (*mail.Address, error) {
	if reason := Unreachable(m.Approver); reason != "" {
		return nil, approval.Permanent(errors.New(reason))
	}
	return mail.ParseAddress(m.Approver)
}

// Unreachable returns the reason why an approver cannot get e-mail, or the empty text.
func Unreachable(approver string) string {
	to, err := mail.ParseAddress(approver)
	if err != nil || to.Address != approver {
		return "the approver's ID is not an e-mail address"
	}
	return ""
}

// ParseSender reads the sender's address, with or without a name. The error names the
// field "from".
func ParseSender(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("from: %q is not an e-mail address", text)
	}
	return from, nil
}

// MessageID returns a Message-ID, without its brackets, for a notification or an approval. It is the same for every
// attempt, so that mail programs recognise a second copy. IDs consist of hex and dots; any other ID is written in hex.
func MessageID(id string, from *mail.Address) string {
	safe := strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == ""
	if !safe || id == "" || strings.Trim(id, ".") != id || strings.Contains(id, "..") {
		id = fmt.Sprintf("x%x", id)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return id + "@" + domain
}

// Mail is the data of the templates. All texts are fit to be shown, and all but the values of Details are on one line.
type Mail struct {
	Headline    string // "Approval needed", "Reminder: approval needed", …
	Lead        string // "Your decision is needed", …
	Reminder    bool
	Escalation  bool // to more people, because nobody has decided
	OrderID     string
	Workflow    string
	Step        string // may be empty
	Title       string // the workflow's name if the request has no title
	Details     []notify.Detail
	More        int    // the number of details that are left out
	Requester   string // may be empty
	Approver    string
	RequestedAt string // UTC, as "Mon 2 Jan 2006, 15:04 UTC"
	Deadline    string // likewise
	Link        string // to the decision page
}

// limits bound the content of an e-mail. The decision page shows everything.
var limits = notify.Limits{Heading: 120, Details: 25, Value: 600}

func newMail(m approval.Message) Mail {
	content := notify.NewContent(m, limits)
	return Mail{
		Headline:    content.Headline,
		Lead:        content.Lead,
		Reminder:    m.Kind == approval.NotifyReminder,
		Escalation:  m.Kind == approval.NotifyEscalation,
		OrderID:     cutHeading(m.OrderID),
		Workflow:    cutHeading(m.Workflow),
		Step:        cutHeading(m.Step),
		Title:       content.Title,
		Details:     content.Details,
		More:        content.DetailsLeftOut,
		Requester:   cutHeading(m.Requester),
		Approver:    cutHeading(m.Approver),
		RequestedAt: notify.FormatTime(m, m.RequestedAt),
		Deadline:    notify.FormatTime(m, m.Deadline),
		Link:        m.Link.Reveal(),
	}
}

// cutHeading returns a title or name on one line.
func cutHeading(s string) string {
	return untrusted.Shorten(untrusted.SingleLine(s), limits.Heading)
}
