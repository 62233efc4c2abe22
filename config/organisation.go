package config

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Organisation is the organisation that asks for decisions.
type Organisation struct {
	Name    string        `yaml:"name" doc:"name at the top of pages and messages"`
	Logo    string        `yaml:"logo" doc:"path of a PNG or JPEG with at most 256 KiB, or the same as data:image/png;base64,…; served at /assets/ of the public address"`
	Colors  Colors        `yaml:"colors" doc:"colours of links and of buttons that open a page"`
	Footer  language.Text `yaml:"footer" doc:"last line of pages and messages, such as the address of the company; or texts by language: {en: …, de: …}"`
	Support string        `yaml:"support" doc:"where people ask for help: an e-mail address, an https URL, or words such as a telephone number"`
	ReplyTo string        `yaml:"reply_to" doc:"e-mail address that answers to e-mails go to"`
}

// Colors are colours as #rrggbb. They are refused if a text in them cannot be read.
type Colors struct {
	Accent     string `yaml:"accent" doc:"a colour such as #1b5fd0, which can be read on white"`
	AccentDark string `yaml:"accent_dark" doc:"the same for screens in dark mode; without it, accent is made lighter until it can be read there"`
}

// Bounds of the texts, in characters. They stand in every message.
const (
	maxOrganisation = 80
	maxFooter       = 500
	maxSupport      = 200
)

// Files lists the path of the logo, so that a change of the file is noticed.
func (o Organisation) Files() []string {
	if o.Logo == "" || strings.HasPrefix(o.Logo, "data:") {
		return nil
	}
	return []string{o.Logo}
}

// validate reports every fault but those of the logo, which compileOrganisation reads.
func (o *Organisation) validate(check *setup.Check) {
	validateLine(check, "name", o.Name, maxOrganisation)
	validateLine(check, "support", o.Support, maxSupport)
	for tag, text := range o.Footer {
		if _, ok := language.Parse(string(tag)); !ok && tag != "" {
			check.Fault("footer", "%.60q is not a language that there are texts in", string(tag))
		}
		validateLine(check, "footer", text, maxFooter)
	}
	if a, err := mail.ParseAddress(o.ReplyTo); o.ReplyTo != "" && (err != nil || a.Address == "") {
		check.Fault("reply_to", "%.60q is not an e-mail address", o.ReplyTo)
	}
	if o.Colors.Accent != "" {
		check.Error("colors.accent", organisation.CheckAccent(o.Colors.Accent, false))
	}
	if o.Colors.AccentDark != "" {
		check.Error("colors.accent_dark", organisation.CheckAccent(o.Colors.AccentDark, true))
	}
}

// validateLine checks that a text can be shown without line breaks.
func validateLine(check *setup.Check, field, text string, limit int) {
	switch {
	case untrusted.SingleLine(text) != text:
		check.Fault(field, "has line breaks, hidden characters, or white space that is not shown")
	case utf8.RuneCountInString(text) > limit:
		check.Fault(field, "has %d characters, at most %d are possible", utf8.RuneCountInString(text), limit)
	}
}

// compileOrganisation fills the organisation and its logo. The address of the logo begins with that of the links.
func (c *Config) compileOrganisation(check *setup.Check) {
	o := c.Organisation
	c.Compiled.Organisation = organisation.Organisation{
		Name:    o.Name,
		Footer:  o.Footer,
		Support: o.Support,
		ReplyTo: o.ReplyTo,
		Colours: organisation.Colours{Accent: o.Colors.Accent, AccentDark: o.Colors.AccentDark},
	}
	if o.Logo == "" {
		return
	}
	logo, err := organisation.ReadLogo(o.Logo)
	if err != nil {
		check.Fault("organisation.logo", "%s", err)
		return
	}
	c.Compiled.Logo = logo
	c.Compiled.Organisation.LogoURL = c.Compiled.PublicURL.JoinPath("assets", logo.Name()).String()
}
