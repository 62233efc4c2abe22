package config

import (
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/setup"
)

// warnUnused reports parts that have no effect.
func (c *Config) warnUnused(check *setup.Check) {
	c.warnUnusedChannels(check)
	c.warnUnusedTargets(check)
	c.warnUnusedSources(check)
	c.warnUnusedPeople(check)
}

func (c *Config) warnUnusedChannels(check *setup.Check) {
	for _, name := range sortedNames(c.Channels) {
		takesEvents := slices.Contains(c.Operator.Notify, name) || slices.ContainsFunc(
			sortedNames(c.Workflows),
			func(workflow string) bool { return slices.Contains(c.Workflows[workflow].Events, name) },
		)
		if !takesEvents && !c.notifiesPeople(name) {
			check.Warn("channels."+name, "is used by no workflow and no person")
		}
	}
}

func (c *Config) warnUnusedTargets(check *setup.Check) {
	for _, name := range sortedNames(c.Targets) {
		isUsed := name == defaultTarget
		for _, w := range c.Workflows {
			isUsed = isUsed || name == w.Callback.TokenTarget || name == w.Callback.URLTarget
		}
		if !isUsed {
			check.Warn("targets."+name, "is used by no workflow")
		}
	}
}

// warnUnusedSources reports sources whose decisions every workflow refuses.
func (c *Config) warnUnusedSources(check *setup.Check) {
	for _, name := range slices.Concat(sortedNames(c.Decisions), sortedNames(c.Webhooks)) {
		mayDecide := false
		for _, w := range c.Workflows {
			mayDecide = mayDecide || (len(w.Sources) == 0 && !c.SourcesRequired()) || slices.Contains(w.Sources, name)
		}
		if mayDecide {
			continue
		}
		field := "webhooks."
		if _, ok := c.Decisions[name]; ok {
			field = "decisions."
		}
		check.Warn(field+name, "may decide in no workflow, so all its decisions are refused")
	}
}

// warnUnusedPeople reports groups without members, and groups and people that have no effect. A request can name groups
// and people too; the warnings are for configurations that name the approvers of every workflow.
func (c *Config) warnUnusedPeople(check *setup.Check) {
	for _, name := range sortedNames(c.Groups) {
		if len(c.Groups[name]) == 0 {
			check.Warn("groups."+name, "has no members")
		}
	}
	named, complete := c.namedApprovers()
	if !complete {
		return
	}
	for _, name := range sortedNames(c.Groups) {
		if len(c.Groups[name]) > 0 && !slices.Contains(named, groupPrefix+name) {
			check.Warn("groups."+name, "is used by no workflow")
		}
	}
	if c.tellsRequesters() { // who may be anybody
		return
	}
	persons := c.expandGroups(named)
	for _, id := range sortedNames(c.People) {
		isSame := func(name string) bool {
			people := &c.Compiled.People
			return approval.SamePerson(people.CanonicalID(name), people.CanonicalID(id))
		}
		if !slices.ContainsFunc(persons, isSame) {
			check.Warn("people."+id, "is no approver of any workflow, and no substitute")
		}
	}
}

// namedApprovers returns the approvers, groups and substitutes that the configuration names. The second result reports
// whether every workflow names approvers.
func (c *Config) namedApprovers() (ids []string, complete bool) {
	complete = true
	for _, w := range c.Workflows {
		complete = complete && len(w.Approvers) > 0
		ids = append(ids, w.Approvers...)
		for _, e := range w.Escalations {
			ids = append(ids, e.To...)
		}
		ids = append(ids, w.PassOn...)
	}
	for _, p := range c.People {
		for _, a := range p.Away {
			ids = append(ids, a.Substitutes...)
		}
	}
	return ids, complete
}
