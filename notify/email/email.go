// Package email makes the e-mail of a notification, plain text and HTML, for the
// channels that send it.
package email

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// To returns the address of the approver, whose ID must be one and nothing else.
// The error is Permanent.
func To(m approval.Message) (*mail.Address, error) {
	to, err := mail.ParseAddress(m.Approver)
	if err != nil || to.Address != m.Approver {
		return nil, approval.Permanent(errors.New("the approver's ID is not an e-mail address"))
	}
	return to, nil
}

// From reads the sender's address, with or without a name. The error names the
// field "from".
func From(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("from: %q is not an e-mail address", text)
	}
	return from, nil
}

// MessageID returns a Message-ID, without its brackets, for a notification or an
// approval: the same for every attempt to send it, so a second copy can be told
// as one. IDs are hex and dots; what else there may be is written in hex.
func MessageID(id string, from *mail.Address) string {
	safe := strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == ""
	if !safe || id == "" || strings.Trim(id, ".") != id || strings.Contains(id, "..") {
		id = fmt.Sprintf("x%x", id)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return id + "@" + domain
}

// Mail is what the templates are given. All texts are fit to be shown, and all
// but the values of Details are on one line.
type Mail struct {
	Reminder    bool
	Escalation  bool // to more people, because nobody has decided
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
		Reminder:    m.Kind == approval.NotifyReminder,
		Escalation:  m.Kind == approval.NotifyEscalation,
		OrderID:     heading(m.OrderID),
		Workflow:    heading(m.Workflow),
		Step:        heading(m.Step),
		Title:       heading(m.Title),
		Requester:   heading(m.Requester),
		Approver:    heading(m.Approver),
		RequestedAt: m.RequestedAt.UTC().Format(timeForm),
		Deadline:    m.Deadline.UTC().Format(timeForm),
		Link:        m.Link.Reveal(),
	}
	if out.Title == "" {
		out.Title = out.Workflow
	}
	for i, f := range m.Details {
		if i == maxDetails {
			out.More = len(m.Details) - i
			break
		}
		value, cut := untrusted.Cut(strings.TrimSpace(untrusted.MultiLine(f.Value)), maxValue)
		out.Details = append(out.Details, Detail{Name: heading(f.Name), Lines: strings.Split(value, "\n"), Cut: cut})
	}
	return out
}

// heading fits a name or title on one line; an ellipsis says that it was cut.
func heading(s string) string {
	return untrusted.Shorten(untrusted.SingleLine(s), maxHeading)
}
