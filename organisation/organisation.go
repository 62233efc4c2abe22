// Package organisation has the looks of the organisation that asks for decisions: its name, logo and colours, and where
// people find help. Pages and messages show them, so that a reader recognises the sender.
package organisation

import (
	"net/mail"
	"net/url"
	"strings"

	"github.com/approval-relay/approval-relay/language"
)

// Organisation is an organisation. Every field may be empty.
type Organisation struct {
	Name string
	// Footer is the last line of messages and pages.
	Footer language.Text
	// Support is where people ask for help: an e-mail address, an https URL, or words.
	Support string
	// ReplyTo is the address that answers to e-mails go to.
	ReplyTo string
	Colours Colours
	// LogoURL is the absolute address of the logo, on our own public address.
	LogoURL string
}

// SupportLink returns the address that Support opens, or the empty text if it is words.
func (o Organisation) SupportLink() string {
	if u, err := url.Parse(o.Support); err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil {
		return u.String()
	}
	if a, err := mail.ParseAddress(o.Support); err == nil && a.Address == o.Support {
		return (&url.URL{Scheme: "mailto", Opaque: url.PathEscape(strings.Trim(a.Address, "<>"))}).String()
	}
	return ""
}
