// Package email renders the e-mail of a notification, as plain text and HTML, for the channels that send it.
package email

import (
	"cmp"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/organisation"
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

// ReplyTo returns the address that answers go to, or nil if they go to the sender.
func ReplyTo(m approval.Message) *mail.Address {
	address, err := mail.ParseAddress(m.Organisation.ReplyTo)
	if err != nil {
		return nil
	}
	return address
}

// ContentLanguage returns the language of the e-mail (RFC 3282).
func ContentLanguage(m approval.Message) string { return string(language.For(m.Language).Tag()) }

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
	LeftOut     string // names them, and the values of the request that are not among the details; empty if there are none
	Requester   string // may be empty
	Approver    string
	Votes       string // who has decided so far; may be empty
	RequestedAt string // in the zone of the reader, with UTC beside it
	Deadline    string // likewise
	Link        string // to the decision page

	Language     string // of the reader, such as de or en-GB
	Direction    string // of the language: ltr or rtl
	Organisation Organisation

	content notify.Content
}

// Organisation is the organisation that asks. Every field but Accent and OnAccent may be empty.
type Organisation struct {
	Name        string
	Footer      string
	Support     string
	SupportLink string // a mailto or https URL, if Support is one
	Logo        string // URL of the picture
	Accent      string // a colour such as #1b5fd0
	OnAccent    string // the colour of a text on it
}

// Text returns a text of the program's catalogue in the language of the reader, for the built-in templates. Templates of
// others have their own words: a text of the catalogue may change at any time.
func (m Mail) Text(key string, namesAndValues ...string) string {
	return m.content.Words.Text(key, namesAndValues...)
}

// Isolate returns a text for use within a line of plain text, where a text from right to left must not change the order of
// the words around it.
func (m Mail) Isolate(text string) string { return language.Isolate(text) }

// CutNote tells the reader that the value of a detail was cut, or is empty.
func (m Mail) CutNote(d notify.Detail) string { return m.content.CutNote(d) }

// LeftOutNote tells the reader that details are left out, or is empty.
func (m Mail) LeftOutNote() string { return m.content.LeftOutNote() }

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
		LeftOut:     content.LeftOutNames(),
		Requester:   cutHeading(m.Requester),
		Approver:    cutHeading(m.Approver),
		Votes:       cutHeading(notify.VotesSoFar(m)),
		RequestedAt: notify.FormatTime(m, m.RequestedAt),
		Deadline:    notify.FormatTime(m, m.Deadline),
		Link:        m.Link.Reveal(),

		Language:     string(content.Words.Tag()),
		Direction:    content.Words.Direction(),
		Organisation: newOrganisation(m),
		content:      content,
	}
}

// defaultAccent is the colour of links and buttons without a configuration.
const defaultAccent = "#1b5fd0"

func newOrganisation(m approval.Message) Organisation {
	o := m.Organisation
	accent := cmp.Or(o.Colours.Accent, defaultAccent)
	return Organisation{
		Name:        cutHeading(o.Name),
		Footer:      untrusted.SingleLine(o.Footer.In(m.Language)),
		Support:     untrusted.SingleLine(o.Support),
		SupportLink: o.SupportLink(),
		Logo:        o.LogoURL,
		Accent:      accent,
		OnAccent:    organisation.On(accent),
	}
}

// cutHeading returns a title or name on one line.
func cutHeading(s string) string {
	return untrusted.Shorten(untrusted.SingleLine(s), limits.Heading)
}
