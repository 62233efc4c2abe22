package config

import (
	"slices"

	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// OperatorToken is the bearer token of an operator, with its role. In the file it can also be the secret alone, which
// has the role admin.
type OperatorToken struct {
	Token     secret.Text `yaml:"token" doc:"the secret; an admin without other fields can be written as the secret alone"`
	Role      string      `yaml:"role" enum:"viewer,auditor,operator,admin,metrics" doc:"viewer sees; auditor also exports, and opens bodies and receipts; operator also acts; admin also changes the program itself; metrics reads /metrics only"`
	Workflows []string    `yaml:"workflows" doc:"workflows that a viewer, auditor or operator is for, by name; empty means all"`
}

// setDefaults adds the defaults of the operator's address.
func (o *Operator) setDefaults(common setup.Common) {
	if o.OIDC != nil {
		o.OIDC.SetDefaults(common)
	}
	for name, t := range o.Tokens {
		t.setDefaults()
		o.Tokens[name] = t
	}
	for name, t := range o.APITokens {
		t.setDefaults()
		o.APITokens[name] = t
	}
}

// setDefaults adds the role that the file left out.
func (t *OperatorToken) setDefaults() { setup.Default(&t.Role, string(role.Admin)) }

// Grant returns the role with its limits.
func (t OperatorToken) Grant() role.Grant {
	return role.Grant{Role: role.Role(t.Role), Workflows: t.Workflows}
}

// validate reports every fault of an operator's token.
func (t OperatorToken) validate(check *setup.Check, c *Config) {
	switch {
	case t.Token.IsZero() && (t.Role != string(role.Admin) || t.Workflows != nil):
		check.Fault("token", "is missing")
	case len(t.Token.Reveal()) < webhook.MinSecret:
		check.Fault("", "has fewer than %d characters", webhook.MinSecret)
	}
	check.Enums(&t)
	c.validateGrant(check, "workflows", t.Grant(), t.Workflows != nil)
}

// validateGrant checks the workflows of a role, which stand in a field.
func (c *Config) validateGrant(check *setup.Check, field string, g role.Grant, isLimited bool) {
	known := slices.Contains(role.Roles(), string(g.Role))
	switch {
	case isLimited && known && !g.Role.MayBeLimited():
		check.Fault(field, "cannot limit the role %s, which is for the whole program", g.Role)
	case isLimited && len(g.Workflows) == 0:
		check.Fault(field, "is empty; leave it out for all workflows")
	}
	for i, name := range g.Workflows {
		if _, ok := c.Workflows[name]; !ok && c.isReadable("workflows") {
			check.Fault(field+index(i), "%q is not a workflow; %s", name, thereAre(name, sortedNames(c.Workflows)))
		}
	}
}
