package config

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/setup"
)

// warnPrincipals reports programs and sources with more rights than most need.
func (c *Config) warnPrincipals(check *setup.Check) {
	c.warnSourcesOfEverything(check)
	for _, name := range sortedNames(c.Operator.APITokens) {
		c.warnAPIToken(check.At("operator.api_tokens."+name), name)
	}
}

// openWorkflows lists the workflows that say nothing about the programs that may decide.
func (c *Config) openWorkflows() []string {
	return slices.DeleteFunc(sortedNames(c.Workflows), func(name string) bool { return len(c.Workflows[name].Sources) > 0 })
}

// warnSourcesOfEverything reports webhooks and topics that may decide whatever is asked, in any name.
func (c *Config) warnSourcesOfEverything(check *setup.Check) {
	open := c.openWorkflows()
	if len(open) == 0 || c.SourcesRequired() {
		return
	}
	const message = "may decide every approval of %s in the name of any approver, because no workflow names its sources; " +
		"workflows.NAME.sources: [%s] names the workflows that it is for"
	for _, name := range sortedNames(c.Decisions) {
		check.Warn("decisions."+name, message, strings.Join(open, ", "), name)
	}
	for _, name := range sortedNames(c.Webhooks) {
		check.Warn("webhooks."+name, message, strings.Join(open, ", "), name)
	}
}

// warnAPIToken reports a program that may decide everything in any name, and a program that may decide what it asks
// for. Verbs that the file names are meant as they are.
func (c *Config) warnAPIToken(check *setup.Check, name string) {
	token := c.Operator.APITokens[name]
	if !slices.Contains(token.Verbs, string(handlers.VerbDecide)) {
		return
	}
	asks := slices.Contains(token.Verbs, string(handlers.VerbAsk))
	if token.DecidesOwn && asks {
		check.Warn("decides_own", "lets the program decide what it asked for itself, so that no second party is needed")
	}
	open := c.openWorkflows()
	if len(open) == 0 || token.Workflows != nil || token.DecidedBy != "trusted" {
		return
	}
	does := "may"
	if asks && token.hasAllVerbs {
		does = "may ask, and"
	}
	check.Warn("", "%s decide every approval of %s in the name of any approver; "+
		"verbs, workflows or decided_by: ignored limit the token", does, strings.Join(open, ", "))
}

// warnSourceApprovers reports webhooks and topics that are approvers of a workflow whose sources leave them out.
func (w workflowCheck) warnSourceApprovers() {
	for _, id := range w.config.expandGroups(w.eventualApprovers()) {
		source, isSource := strings.CutPrefix(id, sourcePrefix)
		isAPI := source == "api" || strings.HasPrefix(source, "api:")
		switch {
		case !isSource || slices.Contains(w.Sources, source):
		case len(w.Sources) == 0 && (isAPI || !w.config.SourcesRequired()):
		case isAPI && slices.Contains(w.Sources, "api"):
		default:
			w.check.Warn("approvers", "name %s, which cannot decide, because sources does not name %s", id, source)
		}
	}
}
