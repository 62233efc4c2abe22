package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// APIToken is the bearer token of a program, with its rights. In the file it can also be the secret alone, which has
// the defaults of all other fields.
type APIToken struct {
	Token      secret.Text `yaml:"token" doc:"the secret; a program without other fields can be written as its secret alone"`
	Verbs      []string    `yaml:"verbs" doc:"what the program may do: ask, decide, and read and cancel what it asked for itself; empty means all four"`
	Workflows  []string    `yaml:"workflows" doc:"workflows that the program may use, by name; empty means all"`
	DecidedBy  string      `yaml:"decided_by" enum:"trusted,ignored" doc:"trusted: a decision counts for the person whom the program names; ignored: it counts for the program itself"`
	DecidesOwn bool        `yaml:"decides_own" doc:"the program may decide what it asked for itself"`

	hasAllVerbs bool // the file left the verbs out
}

// hasShortForm reports whether a part of the configuration can be written as its secret alone.
func hasShortForm(t reflect.Type) bool {
	return t == reflect.TypeFor[APIToken]() || t == reflect.TypeFor[OperatorToken]()
}

// isSecretAlone reports whether a node is the short form of a token: a text, or {file: PATH}.
func isSecretAlone(n ast.Node) bool {
	list, isMapping := entries(n)
	return !isMapping || (len(list) == 1 && keyText(list[0].Key) == "file")
}

// setDefaults adds the rights that the file left out.
func (t *APIToken) setDefaults() {
	setup.Default(&t.DecidedBy, "trusted")
	if t.Verbs == nil {
		t.hasAllVerbs = true
		t.Verbs = handlers.Verbs()
	}
}

// validate reports every fault of an API token.
func (t APIToken) validate(check *setup.Check, c *Config) {
	switch {
	case t.Token.IsZero() && (!t.hasAllVerbs || t.Workflows != nil):
		check.Fault("token", "is missing")
	case len(t.Token.Reveal()) < webhook.MinSecret:
		check.Fault("", "has fewer than %d characters", webhook.MinSecret)
	}
	check.Enums(&t)
	if len(t.Verbs) == 0 {
		check.Fault("verbs", "is empty, so that the program may do nothing; there are %s", strings.Join(handlers.Verbs(), ", "))
	}
	for i, verb := range t.Verbs {
		if !slices.Contains(handlers.Verbs(), verb) {
			check.Fault("verbs"+index(i), "%q is not a verb; %s", verb, thereAre(verb, handlers.Verbs()))
		}
	}
	if t.Workflows != nil && len(t.Workflows) == 0 {
		check.Fault("workflows", "is empty; leave it out for all workflows")
	}
	for i, name := range t.Workflows {
		if _, ok := c.Workflows[name]; !ok && c.isReadable("workflows") {
			check.Fault("workflows"+index(i), "%q is not a workflow; %s", name, thereAre(name, sortedNames(c.Workflows)))
		}
	}
}

// validateTokens checks the tokens of operators and programs. It never quotes a token.
func (c *Config) validateTokens(check *setup.Check) {
	names := map[string]string{} // by text
	distinct := func(field string, text secret.Text) {
		trimmed := strings.TrimSpace(text.Reveal())
		if first := names[trimmed]; first != "" && trimmed != "" {
			check.Fault(field, "has the same text as %s, so the two cannot be told apart", first)
			return
		}
		names[trimmed] = field
	}
	for _, name := range sortedNames(c.Operator.Tokens) {
		field, token := "operator.tokens."+name, c.Operator.Tokens[name]
		validateTokenName(check, field, name)
		token.validate(check.At(field), c)
		distinct(field, token.Token)
	}
	for _, name := range sortedNames(c.Operator.APITokens) {
		field, token := "operator.api_tokens."+name, c.Operator.APITokens[name]
		validateTokenName(check, field, name)
		token.validate(check.At(field), c)
		distinct(field, token.Token)
	}
}

// maxTokenName bounds the name of a token, which is a part of principals and sources.
const maxTokenName = 128

func validateTokenName(check *setup.Check, field, name string) {
	if strings.TrimSpace(name) == "" || len(name) > maxTokenName {
		check.Fault(field, "has an empty name, or one of more than %d bytes", maxTokenName)
	}
}

// SourcesRequired reports whether webhooks and topics decide only the workflows that name them: a workflow of the file
// names sources.
func (c *Config) SourcesRequired() bool {
	for _, w := range c.Workflows {
		if w.Sources != nil && !w.unset.sources {
			return true
		}
	}
	return false
}
