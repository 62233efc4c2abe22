package config

import (
	"net/url"
	"slices"

	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/signin"
)

// OperatorOIDC is the provider where operators sign in to the console, and the roles that it gives them.
type OperatorOIDC struct {
	signin.Settings `yaml:",inline"`

	RolesClaim string `yaml:"roles_claim" doc:"claim of the ID token with the groups or roles of a person: a text or a list, or a path such as realm_access.roles"`
	// Roles has the names of package role but metrics.
	Roles     map[string][]string `yaml:"roles" doc:"values of that claim that give a role, by role: viewer, auditor, operator, admin; people without any cannot sign in"`
	Workflows map[string][]string `yaml:"workflows" doc:"workflows for which a value of that claim gives its roles, by value; a value that is missing here is for all workflows"`
}

// defaultRolesClaim is the usual claim of providers for the groups of a person.
const defaultRolesClaim = "groups"

// SetDefaults implements setup.Defaulter.
func (o *OperatorOIDC) SetDefaults(common setup.Common) {
	o.Settings.SetDefaults(common)
	setup.Default(&o.RolesClaim, defaultRolesClaim)
}

// Mapping returns the roles by the values of the claim.
func (o *OperatorOIDC) Mapping() role.Mapping {
	m := role.Mapping{Values: map[role.Role][]string{}, Workflows: o.Workflows}
	for name, values := range o.Roles {
		m.Values[role.Role(name)] = values
	}
	return m
}

// validate reports every fault of the sign-in of operators.
func (o *OperatorOIDC) validate(check *setup.Check, c *Config) {
	o.Validate(check)
	personal := []string{string(role.Viewer), string(role.Auditor), string(role.Operator), string(role.Admin)}
	if len(o.Roles) == 0 {
		check.Fault("roles", "is missing, so that nobody could sign in; such as {viewer: [staff], operator: [on-call]}")
	}
	var known []string
	for _, name := range sortedNames(o.Roles) {
		if !slices.Contains(personal, name) {
			check.Fault("roles."+name, "is not a role of people; %s", thereAre(name, personal))
		}
		if len(o.Roles[name]) == 0 || slices.Contains(o.Roles[name], "") {
			check.Fault("roles."+name, "names no value of the claim, or an empty one")
		}
		known = append(known, o.Roles[name]...)
	}
	for _, value := range sortedNames(o.Workflows) {
		field := "workflows." + value
		if !slices.Contains(known, value) {
			check.Fault(field, "limits a value that gives no role; %s", thereAre(value, known))
		}
		if slices.Contains(o.Roles[string(role.Admin)], value) {
			check.Fault(field, "cannot limit the role admin, which is for the whole program")
		}
		c.validateGrant(check, field, role.Grant{Workflows: o.Workflows[value]}, true)
	}
}

// validateOIDC checks the address to which the provider sends operators back, and the channels that tell them of proposals.
func (o *Operator) validateOIDC(check *setup.Check, c *Config) {
	if o.URL != "" {
		check.BaseURL("url", o.URL)
	}
	c.validateChannelNames(check, "notify", o.Notify)
	c.validateEventChannels(check, "notify", o.Notify)
	if o.OIDC == nil {
		return
	}
	u, err := url.Parse(o.URL)
	switch {
	case o.URL == "":
		check.Fault("url", "is missing: the provider sends operators back to it")
	case err == nil && u.Scheme != "https" && !isThisMachine(u.Hostname()):
		check.Fault("url", "must be an https URL for oidc (http is for this machine)")
	}
	o.OIDC.validate(check.At("oidc"), c)
}
