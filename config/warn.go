package config

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/setup"
)

// warn reports the settings that are most likely mistakes. It runs on a configuration without faults, because a fault
// often explains a warning.
func (c *Config) warn(check *setup.Check) {
	c.warnAddresses(check)
	c.warnLogChannel(check)
	c.warnTokens(check)
	c.warnCertificates(check)
	c.warnSecretFiles(check)
	c.warnPrincipals(check)
	c.warnSlackUsers(check)
	for _, name := range sortedNames(c.Workflows) {
		w := workflowCheck{
			Workflow: c.Workflows[name],
			config:   c,
			people:   c.Compiled.Workflows[name].People,
			check:    check.At("workflows." + name),
		}
		w.warnNotify()
		w.warnLinks()
		w.warnQuorum()
		w.warnSourceApprovers()
		w.warnTimes()
		w.warnDeadlines(name)
		w.warnUnreachable()
	}
	c.warnUnused(check)
}

// workflowCheck looks for warnings about a workflow.
type workflowCheck struct {
	Workflow

	config *Config
	people handlers.People
	check  *setup.Check
}

// persons returns the distinct people among approvers. Groups are replaced by their members, and programs are left out.
func (w workflowCheck) persons(ids []string) []string {
	var persons []string
	for _, id := range w.config.expandGroups(ids) {
		id = w.people.CanonicalID(id)
		isKnown := slices.ContainsFunc(persons, func(known string) bool { return approval.SamePerson(known, id) })
		if !strings.HasPrefix(id, sourcePrefix) && !isKnown {
			persons = append(persons, id)
		}
	}
	return persons
}

// eventualApprovers returns the approvers together with the approvers of escalations.
func (w workflowCheck) eventualApprovers() []string {
	ids := slices.Clip(w.Approvers)
	for _, e := range w.Escalations {
		ids = append(ids, e.To...)
	}
	return ids
}

// warnQuorum reports a quorum that the configured approvers cannot reach. A request may name the others.
func (w workflowCheck) warnQuorum() {
	ids := w.config.expandGroups(w.eventualApprovers())
	seats := map[approval.PersonID]bool{}
	for _, id := range ids {
		seats[approval.NewPersonID(w.people.CanonicalID(id))] = true
	}
	if len(w.Approvers) > 0 && w.Policy.Kind == "quorum" && w.Policy.Quorum > len(seats) {
		w.check.Warn("policy", "needs %s, but the configuration names only %s; requests must name the others",
			count(w.Policy.Quorum, "approval"), count(len(seats), "approver"))
	}
}
