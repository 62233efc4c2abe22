package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/setup"
)

// nameForm is the form of the names of workflows, sources, channels and targets: names go into URLs, metrics and logs.
var nameForm = regexp.MustCompile(namePattern)

// noSource stands in workflows.NAME.sources if no source may decide.
const noSource = approval.NoSource

// validateChannelNames checks that the channels exist.
func (c *Config) validateChannelNames(check *setup.Check, field string, names []string) {
	if !c.isReadable("channels") {
		return
	}
	for i, name := range names {
		if _, ok := c.Channels[name]; !ok {
			check.Fault(field+index(i), "%q is not a channel; %s", name, thereAre(name, sortedNames(c.Channels)))
		}
	}
}

// validateApprovers checks that the groups and sources among the approvers exist.
func (c *Config) validateApprovers(check *setup.Check, field string, ids []string) {
	for i, id := range ids {
		group, isGroup := strings.CutPrefix(id, groupPrefix)
		source, isSource := strings.CutPrefix(id, sourcePrefix)
		switch {
		case strings.TrimSpace(id) == "":
			check.Fault(field+index(i), "is empty")
		case !isGroup && !isSource:
			validatePersonText(check, field+index(i), id)
		case isGroup && c.isReadable("groups"):
			if _, ok := c.Groups[group]; !ok {
				check.Fault(field+index(i), "%q is not a group; %s", group, thereAre(group, sortedNames(c.Groups)))
			}
		case isSource && c.isReadable("decisions") && c.isReadable("webhooks"):
			if !slices.Contains(c.sourceNames(), source) {
				check.Fault(field+index(i), "%q is not a decision source; %s", source, thereAre(source, c.sourceNames()))
			}
		}
	}
}

// Prefixes of names that stand where the ID of an approver could stand.
const (
	groupPrefix  = "group:"
	sourcePrefix = "source:"
)

// GroupsIn lists the names of the groups among approvers, each once, sorted.
func GroupsIn(approvers []string) []string {
	var groups []string
	for _, id := range approvers {
		if group, isGroup := strings.CutPrefix(id, groupPrefix); isGroup {
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// expandGroups returns the approvers with every group replaced by its members.
func (c *Config) expandGroups(ids []string) []string {
	var members []string
	for _, id := range ids {
		if group, ok := strings.CutPrefix(id, groupPrefix); ok {
			members = append(members, c.Groups[group]...)
		} else {
			members = append(members, id)
		}
	}
	return members
}

// thereAre returns the known names for a fault about an unknown name.
func thereAre(name string, known []string) string {
	switch len(known) {
	case 0:
		return "there are none"
	case 1:
		return "there is " + known[0]
	}
	return "there are " + strings.Join(known, ", ") + setup.DidYouMean(name, known)
}

// isReservedSource reports whether a name of a source has a meaning of its own. The name teams has one only beside a bot of
// Microsoft Teams, because webhooks had this name before there were bots.
func (c *Config) isReservedSource(name string) bool {
	if name == teams.Source {
		return slices.ContainsFunc(sortedNames(c.Channels), func(ch string) bool { return c.Channels[ch].IsTeamsBot() })
	}
	return slices.Contains([]string{"api", "link", "operator", "slack", "sso", noSource}, name)
}

func validateName(check *setup.Check, name string) {
	if !nameForm.MatchString(name) {
		check.Fault("", "a name has 1 to 63 of a-z, 0-9, _ and -, and begins with a letter or digit")
	}
}

func validateFields(check *setup.Check, field string, have, known map[string]Expressions) {
	for _, name := range sortedNames(have) {
		if _, ok := known[name]; !ok {
			check.Fault(field+"."+name, "unknown field; %s", thereAre(name, sortedNames(known)))
		}
	}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
