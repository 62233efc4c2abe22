package config

import (
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/identity"
	"github.com/approval-relay/approval-relay/setup"
)

// compilePeople returns the approvers and groups as the handlers use them.
func (c *Config) compilePeople() handlers.People {
	people := handlers.People{
		Persons: map[approval.PersonID]handlers.Person{},
		Groups:  map[string][]string{},
		Aliases: map[approval.PersonID]string{},
	}
	for name, p := range c.People {
		id := readPerson(name)
		person := handlers.Person{Channels: p.Notify, FallbackChannels: p.Fallback}
		zone := c.zoneOf(p)
		for _, a := range p.Away {
			person.Away = append(person.Away, handlers.Absence{
				From:        inZone(a.From, zone),
				Until:       inZone(a.Until, zone),
				Substitutes: readPeople(a.Substitutes),
			})
		}
		people.Persons[approval.NewPersonID(id)] = person
		for _, alias := range p.Aliases {
			people.Aliases[approval.NewPersonID(readPerson(alias))] = id
		}
	}
	for name, members := range c.Groups {
		people.Groups[strings.ToLower(name)] = readPeople(members)
	}
	return people
}

// readPerson returns the person that a text of the file names. A text that cannot be read stays as it is: as an alias
// it stands for its person, elsewhere validation reports it.
func readPerson(text string) string {
	if id, err := identity.ReadOne(text); err == nil && id != "" {
		return id
	}
	return identity.Clean(text)
}

// readPeople returns the people of a list in the file.
func readPeople(list []string) []string {
	people := make([]string, 0, len(list))
	for _, text := range list {
		people = append(people, readPerson(text))
	}
	return people
}

// validateAliases checks that every name stands for one person: the names of people and their aliases are all
// different.
func (c *Config) validateAliases(check *setup.Check) {
	owners := map[approval.PersonID]string{}
	for _, id := range sortedNames(c.People) {
		owners[approval.NewPersonID(readPerson(id))] = id
	}
	for _, id := range sortedNames(c.People) {
		for i, alias := range c.People[id].Aliases {
			at := check.At("people." + id + ".aliases" + index(i))
			name := readPerson(alias)
			owner, taken := owners[approval.NewPersonID(name)]
			switch {
			case strings.TrimSpace(name) == "":
				at.Fault("", "is empty")
			case isReservedPerson(name):
				at.Fault("", "%q is the name of a group or program; an alias names a person", alias)
			case taken && owner == id:
				at.Fault("", "%q is the person's own name, or stands twice", alias)
			case taken:
				at.Fault("", "%q is a name of %s too; a name stands for one person", alias, owner)
			}
			owners[approval.NewPersonID(name)] = id
		}
	}
}

// isReservedPerson reports whether a name stands for a group or a program.
func isReservedPerson(name string) bool {
	for _, prefix := range []string{groupPrefix, sourcePrefix, "api:", "operator:"} {
		if strings.HasPrefix(strings.ToLower(name), prefix) {
			return true
		}
	}
	return false
}

// validatePersonText checks that a text of the file names one person.
func validatePersonText(check *setup.Check, field, text string) {
	if _, err := identity.ReadOne(text); err != nil {
		check.Fault(field, "%.60q %s", text, err)
	}
}
