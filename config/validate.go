package config

import (
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/setup"
)

// validate reports every fault of a configuration that has its defaults.
func (c *Config) validate(check *setup.Check) {
	check.At("log").Enums(&c.Log)
	check.BaseURL("public.url", c.Public.URL)
	if c.Public.Listen != "" {
		validateListen(check, "public.listen", c.Public.Listen)
	}
	if c.Public.OIDC != nil {
		c.Public.OIDC.Validate(check.At("public.oidc"))
	}
	validatePreference(check, c.Language, c.TimeZone)
	c.Organisation.validate(check.At("organisation"))
	c.Public.validateRate(check.At("public"))
	c.Public.validate(check.At("public"))
	c.Operator.Listener.validate(check.At("operator"))
	c.Tracing.Validate(check.At("tracing"))
	check.AtLeast("shutdown.timeout", c.Shutdown.Timeout, time.Second)
	check.AtLeast("shutdown.delay", c.Shutdown.Delay, 0)
	check.AtLeast("unmatched.ttl", c.Unmatched.TTL, time.Second)
	check.AtLeast("unmatched.retention", c.Unmatched.Retention, 0)
	c.Store.validate(check.At("store"))
	c.Keys.validate(check.At("keys"))
	c.Operator.validate(check.At("operator"), c.Public.Listen)
	c.Operator.validateOIDC(check.At("operator"), c)
	c.validateTokens(check)
	for _, name := range sortedNames(c.Workflows) {
		at := check.At("workflows." + name)
		validateName(at, name)
		c.Workflows[name].validate(at, c)
	}
	c.validateSources(check)
	c.validateQueues(check)
	c.validatePeople(check)
	for _, name := range sortedNames(c.Channels) {
		at := check.At("channels." + name)
		validateName(at, name)
		ch := c.Channels[name]
		ch.validateKind(at, &ch)
	}
	for _, name := range sortedNames(c.Targets) {
		at := check.At("targets." + name)
		validateName(at, name)
		t := c.Targets[name]
		t.validateKind(at, &t)
	}
}

func (s *Store) validate(check *setup.Check) {
	switch {
	case s.DynamoDB != nil && s.Memory:
		check.Fault("", "is dynamodb or memory, not both")
	case s.Postgres != nil && (s.DynamoDB != nil || s.Memory):
		check.Fault("", "is postgres, dynamodb or memory, not two of them")
	case s.Postgres != nil:
		s.Postgres.Validate(check.At("postgres"))
	case s.DynamoDB != nil:
		s.DynamoDB.Validate(check.At("dynamodb"))
	case !s.Memory && s.SQLite == "":
		check.Fault("", "names no place: set sqlite to the path of the database file, or postgres or dynamodb")
	}
}

func (o *Operator) validate(check *setup.Check, public string) {
	if o.Listen == "" {
		check.Fault("listen", "is empty: health checks and metrics need it")
		return
	}
	validateListen(check, "listen", o.Listen)
	if overlap(o.Listen, public) {
		check.Fault("listen", "has the port of public.listen: operator routes must have an address of their own")
	}
}

// validateListen checks the form of an address to listen at.
func validateListen(check *setup.Check, field, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		check.Fault(field, "must be HOST:PORT, or :PORT for all interfaces")
		return
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(number, 10) != port {
		check.Fault(field, "has the port %q, must be a number from 1 to 65535, or 0 for any free port", port)
	}
}

// overlap reports whether two addresses to listen at cannot be used together.
func overlap(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || isEveryInterface(hostA) || isEveryInterface(hostB)
}

// isEveryInterface reports whether a host to listen at means all interfaces of the machine.
func isEveryInterface(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || (ip != nil && ip.IsUnspecified())
}

// validatePeople checks the settings of approvers and groups.
func (c *Config) validatePeople(check *setup.Check) {
	known := map[approval.PersonID]string{}
	for _, id := range sortedNames(c.People) {
		p, at := c.People[id], check.At("people."+id)
		validatePersonText(at, "", id)
		key := approval.NewPersonID(readPerson(id))
		if same := known[key]; same != "" {
			at.Fault("", "is the same person as %s", same)
		}
		known[key] = id
		c.validateChannelNames(at, "notify", p.Notify)
		c.validateChannelNames(at, "fallback", p.Fallback)
		validatePreference(at, p.Language, p.TimeZone)
		zone := c.zoneOf(p)
		for i, a := range p.Away {
			here := at.At("away" + index(i))
			if !inZone(a.From, zone).Before(inZone(a.Until, zone)) && c.isReadable(here.Path("from")) {
				here.Fault("until", "is not after from")
			}
			if len(a.Substitutes) == 0 {
				here.Fault("substitutes", "is empty; it must name the approvers who decide meanwhile")
			}
			for j, id := range a.Substitutes {
				validatePersonText(here, "substitutes"+index(j), id)
				if strings.HasPrefix(id, groupPrefix) {
					here.Fault("substitutes"+index(j), "is a group; name its members")
				}
			}
		}
	}
	c.validateAliases(check)
	for _, name := range sortedNames(c.Groups) {
		at := check.At("groups." + name)
		validateName(at, name)
		for i, member := range c.Groups[name] {
			switch {
			case strings.HasPrefix(member, groupPrefix):
				at.Fault(index(i), "%q is a group: a group cannot contain groups", member)
			case strings.TrimSpace(member) == "":
				at.Fault(index(i), "is empty")
			default:
				validatePersonText(at, index(i), member)
			}
		}
	}
}

// validateQueues checks that every queue has one reader. Two workflows on a queue would each get a part of the
// requests.
func (c *Config) validateQueues(check *setup.Check) {
	readers := map[string]string{} // field by queue
	claim := func(field, queue string) {
		if reader, taken := readers[queue]; taken && queue != "" {
			check.Fault(field, "is the queue of %s too; every queue has one reader", reader)
			return
		}
		readers[queue] = field
	}
	for _, name := range sortedNames(c.Workflows) {
		if settings := c.Workflows[name].Requests.SQS; settings != nil {
			claim("workflows."+name+".requests.sqs.queue", settings.Queue)
		}
	}
	for _, name := range sortedNames(c.Decisions) {
		claim("decisions."+name+".sqs.queue", c.Decisions[name].SQS.Queue)
	}
}

// validateSources checks all sources of decisions. Their names share one space: an approval can name the sources that
// may decide.
func (c *Config) validateSources(check *setup.Check) {
	for _, name := range sortedNames(c.Decisions) {
		d, at := c.Decisions[name], check.At("decisions."+name)
		validateName(at, name)
		if c.isReservedSource(name) {
			at.Fault("", "is the name of another source; every source needs a name of its own")
		}
		at.TopicARN("topic", d.Topic)
		d.SQS.Validate(at.At("sqs"))
		validateFields(at, "fields", d.Fields, decisionFields())
	}
	for _, name := range sortedNames(c.Webhooks) {
		w, at := c.Webhooks[name], check.At("webhooks."+name)
		validateName(at, name)
		if _, taken := c.Decisions[name]; taken || c.isReservedSource(name) {
			at.Fault("", "is the name of another source; every source needs a name of its own")
		}
		w.validateKind(at, &w)
		if !(w.Rate >= 0) || math.IsInf(w.Rate, 0) || w.Burst < 0 || (w.Rate == 0 && w.Burst > 0) { // NaN is not above 0
			at.Fault("rate", "rate and burst must be numbers above 0, or both 0")
		}
		w.validateBodyFormat(at)
		if w.MaxBody < 0 || w.MaxBody > api.MaxBody {
			at.Fault("max_body", "is %d, must be 1 to %d", w.MaxBody, api.MaxBody)
		}
		validateFields(at, "fields", w.Fields, decisionFields())
	}
}
