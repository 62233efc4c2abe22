package handlers

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
)

// Preference is how people read: their language and their time zone. An empty field is not set.
type Preference struct {
	Language language.Tag
	Zone     *time.Location
}

// orElse fills the fields that are not set.
func (p Preference) orElse(other Preference) Preference {
	if p.Language == "" {
		p.Language = other.Language
	}
	if p.Zone == nil {
		p.Zone = other.Zone
	}
	return p
}

// Preferences are the preferences of people, of the workflows, and of everybody else.
type Preferences struct {
	Default   Preference
	Workflows map[string]Preference
	Persons   map[approval.PersonID]Preference
}

// OfReader returns the preference of the reader of a message: the approver's own, or else the workflow's or the default.
// A message to a group lacks the approver.
func (p *Preferences) OfReader(approver, workflow string) Preference {
	return p.own(approver).orElse(p.Workflows[workflow]).orElse(p.Default).orElse(Preference{language.Default, time.UTC})
}

// OfVisitor returns the preference of a person with a browser, whose header Accept-Language comes after the person's own
// setting and before the workflow's.
func (p *Preferences) OfVisitor(approver, workflow, acceptLanguage string) Preference {
	preference := p.OfReader(approver, workflow)
	if p.own(approver).Language == "" {
		if tag, ok := language.Match(acceptLanguage); ok {
			preference.Language = tag
		}
	}
	return preference
}

func (p *Preferences) own(approver string) Preference {
	if approver == "" {
		return Preference{}
	}
	return p.Persons[approval.NewPersonID(approver)]
}
