package config

import (
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/setup"
)

// compilePreferences returns the languages and zones of the file. Validation reports their faults.
func (c *Config) compilePreferences() handlers.Preferences {
	p := handlers.Preferences{
		Default:   newPreference(c.Language, c.TimeZone),
		Workflows: map[string]handlers.Preference{},
		Persons:   map[approval.PersonID]handlers.Preference{},
	}
	for name, w := range c.Workflows {
		p.Workflows[name] = newPreference(w.Language, w.TimeZone)
	}
	for name, person := range c.People {
		p.Persons[approval.NewPersonID(readPerson(name))] = newPreference(person.Language, person.TimeZone)
	}
	return p
}

func newPreference(tag, zone string) (p handlers.Preference) {
	p.Language, _ = language.Parse(tag)
	p.Zone, _ = loadZone(zone)
	return p
}

// loadZone returns the zone of a name, or nil for the empty name.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	return language.LoadZone(name)
}

// validatePreference checks the language and the zone of a part of the file.
func validatePreference(check *setup.Check, tag, zone string) {
	if _, ok := language.Parse(tag); !ok && tag != "" {
		var names []string
		for _, known := range language.Languages() {
			names = append(names, string(known))
		}
		check.Fault("language", "%.60q is not a language that there are texts in: %s, also with a region, such as de-AT",
			tag, strings.Join(names, " or "))
	}
	if _, err := loadZone(zone); err != nil {
		check.Fault("time_zone", "%s", err)
	}
}

// zoneOf returns the zone in which a person's days begin.
func (c *Config) zoneOf(p Person) *time.Location {
	for _, name := range []string{p.TimeZone, c.TimeZone} {
		if zone, err := loadZone(name); err == nil && zone != nil {
			return zone
		}
	}
	return time.UTC
}
