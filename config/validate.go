package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// nameForm is the form of the names of workflows, sources, channels and targets: names go into URLs, metrics and logs.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// noSource stands in workflows.NAME.sources if no source may decide.
const noSource = "none"

// validate reports every fault of a configuration that has its defaults.
func (c *Config) validate(check *setup.Check) {
	check.OneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	check.OneOf("log.format", c.Log.Format, "json", "text")
	check.BaseURL("public.url", c.Public.URL)
	if c.Public.OIDC != nil {
		c.Public.OIDC.Validate(check.At("public.oidc"))
	}
	c.Tracing.Validate(check.At("tracing"))
	check.AtLeast("shutdown.timeout", c.Shutdown.Timeout, time.Second)
	check.AtLeast("unmatched.ttl", c.Unmatched.TTL, time.Second)
	check.AtLeast("unmatched.retention", c.Unmatched.Retention, 0)
	c.Store.validate(check.At("store"))
	c.Operator.validate(check.At("operator"), c.Public.Listen)
	for _, name := range sortedNames(c.Workflows) {
		at := check.At("workflows." + name)
		validateName(at, name)
		c.Workflows[name].validate(at, c)
	}
	c.validateSources(check)
	c.validatePeople(check)
	for _, name := range sortedNames(c.Channels) {
		at := check.At("channels." + name)
		validateName(at, name)
		ch := c.Channels[name]
		validateChoice(at, ch.chosen(), ch.Choices(), ch.Settings(), "")
	}
	for _, name := range sortedNames(c.Targets) {
		at := check.At("targets." + name)
		validateName(at, name)
		t := c.Targets[name]
		validateChoice(at, t.chosen(), t.Choices(), t.Settings(), "")
	}
}

// validateChoice checks that a part names one kind, and the settings of that kind.
func validateChoice(check *setup.Check, chosen []string, choices []Choice, settings any, purpose string) {
	if len(chosen) != 1 {
		check.Fault("", "needs exactly one of %s%s", kindNames(choices), purpose)
		return
	}
	if v, ok := settings.(setup.Validator); ok {
		v.Validate(check.At(chosen[0]))
	}
}

func (s *Store) validate(check *setup.Check) {
	switch {
	case s.DynamoDB != nil && s.Memory:
		check.Fault("", "is dynamodb or memory, not both")
	case s.DynamoDB != nil:
		s.DynamoDB.Validate(check.At("dynamodb"))
	case !s.Memory && s.SQLite == "":
		check.Fault("", "names no place: set sqlite to the path of the database file, or dynamodb")
	}
}

func (o *Operator) validate(check *setup.Check, public string) {
	if o.Listen == "" {
		check.Fault("listen", "is empty: health checks and metrics need it")
	}
	if o.Listen == public {
		check.Fault("listen", "is the public address: operator routes must not be on it")
	}
	validateTokens(check, "tokens", o.Tokens)
	validateTokens(check, "api_tokens", o.APITokens)
}

func validateTokens(check *setup.Check, field string, tokens map[string]secret.Text) {
	for _, name := range sortedNames(tokens) {
		if len(tokens[name].Reveal()) < webhook.MinSecret {
			check.Fault(field+"."+name, "has fewer than %d characters", webhook.MinSecret)
		}
	}
}

// validatePeople checks the settings of approvers and groups.
func (c *Config) validatePeople(check *setup.Check) {
	for _, id := range sortedNames(c.People) {
		p, at := c.People[id], check.At("people."+id)
		c.validateChannelNames(at, "notify", p.Notify)
		c.validateChannelNames(at, "fallback", p.Fallback)
		for i, a := range p.Away {
			here := at.At("away" + index(i))
			if !a.From.Before(a.Until) {
				here.Fault("", "until is not after from")
			}
			if len(a.Substitutes) == 0 {
				here.Fault("substitutes", "names nobody")
			}
		}
	}
	for _, name := range sortedNames(c.Groups) {
		at := check.At("groups." + name)
		validateName(at, name)
		for _, member := range c.Groups[name] {
			if strings.HasPrefix(member, "group:") {
				at.Fault("", "%q: a group cannot contain groups", member)
			}
		}
	}
}

// validateChannelNames checks that the channels exist.
func (c *Config) validateChannelNames(check *setup.Check, field string, names []string) {
	for _, name := range names {
		if _, ok := c.Channels[name]; !ok {
			check.Fault(field, "%q is not a channel; %s", name, thereAre(name, sortedNames(c.Channels)))
		}
	}
}

// validateApprovers checks that the groups and sources among the approvers exist.
func (c *Config) validateApprovers(check *setup.Check, field string, ids []string) {
	for _, id := range ids {
		if name, is := strings.CutPrefix(id, "group:"); is {
			if _, ok := c.Groups[name]; !ok {
				check.Fault(field, "%q is not a group; %s", name, thereAre(name, sortedNames(c.Groups)))
			}
		}
	}
}

// thereAre returns the known names for a fault about an unknown one.
func thereAre(name string, known []string) string {
	switch len(known) {
	case 0:
		return "there are none"
	case 1:
		return "there is " + known[0]
	}
	return "there are " + strings.Join(known, ", ") + setup.DidYouMean(name, known)
}

// validateSources checks all sources of decisions. Their names share one space: an approval can name the sources that may
// decide.
func (c *Config) validateSources(check *setup.Check) {
	for _, name := range sortedNames(c.Decisions) {
		d, at := c.Decisions[name], check.At("decisions."+name)
		validateName(at, name)
		if isReservedSource(name) {
			at.Fault("", "is the name of another source")
		}
		at.TopicARN("topic", d.Topic)
		d.SQS.Validate(at.At("sqs"))
		validateFields(at, "fields", d.Fields, decisionFields())
	}
	for _, name := range sortedNames(c.Webhooks) {
		w, at := c.Webhooks[name], check.At("webhooks."+name)
		validateName(at, name)
		if _, taken := c.Decisions[name]; taken || isReservedSource(name) {
			at.Fault("", "is the name of another source")
		}
		validateChoice(at, w.chosen(), w.Choices(), w.Settings(), ", to verify requests")
		if w.Rate < 0 || w.Burst < 0 || (w.Rate == 0 && w.Burst > 0) {
			at.Fault("rate", "rate and burst must be above 0, or both 0")
		}
		if w.MaxBody < 0 || w.MaxBody > api.MaxBody {
			at.Fault("max_body", "is %d, must be 1 to %d", w.MaxBody, api.MaxBody)
		}
		validateFields(at, "fields", w.Fields, decisionFields())
	}
}

// isReservedSource reports whether a name of a source has a meaning of its own.
func isReservedSource(name string) bool {
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
