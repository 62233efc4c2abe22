package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/logchannel"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/tracing"
)

// decisionFields returns the expressions by which the fields of decisions are found without configuration.
func decisionFields() map[string]Expressions {
	return map[string]Expressions{
		"id":           {"body.decisionId", "body.decision_id", "body.DecisionId", "body.eventId"},
		"order":        {"body.orderId", "body.orderID", "body.order_id", "body.OrderId", "body.order.id", "body.order.orderId"},
		"outcome":      bothCases("decision", "outcome", "approved", "status", "action"),
		"choice":       bothCases("choice"),
		"values":       bothCases("values"),
		"shown_digest": {"body.shownDigest", "body.shown_digest", "body.ShownDigest"},
		"step":         {"body.step", "body.Step", "body.order.step"},
		"execution":    {"body.executionArn", "body.execution"},
		"approval":     {"body.approvalId", "body.approval_id", "body.ApprovalId"},
		"by": {
			"body.decidedBy", "body.decided_by", "body.DecidedBy", "body.approver", "body.Approver", "body.approvedBy",
			"body.approved_by", "body.ApprovedBy", "body.rejectedBy", "body.rejected_by", "body.RejectedBy", "body.by", "body.user",
		},
		"comment": bothCases("comment", "comments", "reason"),
	}
}

// bothCases returns the places of these names at the top of a body, and those of the same names with a capital, as
// programs in .NET and Go write them.
func bothCases(names ...string) Expressions {
	var places Expressions
	for _, name := range names {
		places = append(places, "body."+name, "body."+strings.ToUpper(name[:1])+name[1:])
	}
	return places
}

// defaultTarget is the name of the target of task tokens that exists without configuration.
const defaultTarget = "stepfunctions"

// defaultHSTS is the time that browsers and auditors ask for at least.
const defaultHSTS = 365 * 24 * time.Hour

// Defaults returns the configuration of an empty file.
func Defaults() Config {
	return Config{
		Language: string(language.Default),
		TimeZone: "UTC",
		Log:      Log{Level: "info", Format: "json"},
		Public: Public{
			Listen:   ":8080",
			URL:      "http://localhost:8080",
			Rate:     1000,
			Burst:    5000,
			Listener: Listener{MaxConnections: 4096, HSTS: defaultHSTS},
		},
		Operator: Operator{
			Listen:    "127.0.0.1:9090",
			TokenFile: "approval-relay.token",
			Listener:  Listener{MaxConnections: 1024, HSTS: defaultHSTS},
		},
		Store:     Store{SQLite: "approval-relay.db"},
		Keys:      Keys{File: defaultKeyFile},
		Metrics:   Metrics{Histograms: "both"},
		Tracing:   tracing.Settings{SampleRatio: 1, ServiceName: "approval-relay"},
		Shutdown:  Shutdown{Timeout: 25 * time.Second}, // within the 30 s that Kubernetes and ECS give
		Unmatched: Unmatched{TTL: time.Hour, Retention: 7 * 24 * time.Hour},
	}
}

// setDefaults adds the values that the file left out and that depend on others.
func (c *Config) setDefaults() {
	common := setup.Common{Region: c.AWS.Region, Endpoint: c.AWS.Endpoint}
	if len(c.Workflows) == 0 {
		c.Workflows = map[string]Workflow{"default": c.defaultWorkflow()}
	}
	if len(c.Channels) == 0 {
		c.Channels = map[string]Channel{"log": NewChannel("log", &logchannel.Settings{})}
	}
	if c.Targets == nil {
		c.Targets = map[string]Target{}
	}
	if _, named := c.Targets[defaultTarget]; !named {
		c.Targets[defaultTarget] = NewTarget("stepfunctions", &stepfunctions.Settings{})
	}
	if c.Public.OIDC != nil {
		c.Public.OIDC.SetDefaults(common)
	}
	c.Operator.setDefaults(common)
	for _, settings := range []*inbound.TLSSettings{c.Public.TLS, c.Operator.TLS} {
		if settings != nil {
			settings.SetDefaults(common)
		}
	}
	if c.Store.DynamoDB != nil {
		c.Store.DynamoDB.SetDefaults(common)
	}
	if c.Store.Postgres != nil {
		c.Store.Postgres.SetDefaults(common)
	}
	c.Keys.setDefaults(common)
	for _, t := range c.Targets {
		setSettingsDefaults(t.Settings(), common)
	}
	for _, ch := range c.Channels {
		setSettingsDefaults(ch.Settings(), common)
	}
	for name, w := range c.Workflows {
		w.setDefaults(c)
		c.Workflows[name] = w
	}
	for name, d := range c.Decisions {
		d.SQS.SetDefaults(common)
		d.Fields = withDefaults(decisionFields(), d.Fields)
		c.Decisions[name] = d
	}
	for name, w := range c.Webhooks {
		w.setReading()
		if w.Rate > 0 {
			setup.Default(&w.Burst, max(1, int(w.Rate)))
		}
		setSettingsDefaults(w.Settings(), common)
		w.setBodyFormat()
		c.Webhooks[name] = w
	}
}

// defaultWorkflow returns the workflow of a file that has none.
func (c *Config) defaultWorkflow() Workflow {
	if c.Defaults != nil {
		return *c.Defaults
	}
	return Workflow{}
}

func setSettingsDefaults(settings any, common setup.Common) {
	if d, ok := settings.(setup.Defaulter); ok {
		d.SetDefaults(common)
	}
	if n, ok := settings.(setup.Concurrent); ok {
		perSecond := 0.0
		if r, ok := settings.(interface{ RateLimit() (float64, int) }); ok {
			perSecond, _ = r.RateLimit()
		}
		n.SetConcurrency(setup.ConcurrencyAt(perSecond, setup.DefaultConcurrency))
	}
}

// withDefaults returns the defaults, with those of the file in their place.
func withDefaults(defaults, file map[string]Expressions) map[string]Expressions {
	maps.Copy(defaults, file)
	return defaults
}

func (w *Workflow) setDefaults(c *Config) {
	if w.Requests.SQS != nil {
		w.Requests.SQS.SetDefaults(setup.Common{Region: c.AWS.Region, Endpoint: c.AWS.Endpoint})
	}
	if w.Requests.Files != nil {
		w.Requests.Files.SetDefaults(setup.Common{Region: c.AWS.Region, Endpoint: c.AWS.Endpoint})
	}
	w.Requests.Fields = withDefaults(requestFields(), w.Requests.Fields)
	if w.Policy.Kind == "" {
		w.Policy = Policy{Kind: "any", Veto: true}
	}
	setup.Default(&w.MinAssurance, "link")
	w.unset.sources = w.Sources == nil
	if w.MinAssurance != "link" && w.Sources == nil { // else a program could decide in the name of a person who must sign in
		w.Sources = []string{noSource}
	}
	w.unset.notify = w.Notify == nil
	w.unset.deadline = w.Deadline == 0
	setup.Default(&w.Undeliverable, "wait")
	setup.Default(&w.Deadline, 24*time.Hour)
	setup.Default(&w.Margin, 30*time.Second)
	setup.Default(&w.Retention, 30*24*time.Hour)
	setup.Default(&w.Callback.TokenTarget, defaultTarget)
	if _, ok := c.Targets["http"]; ok {
		setup.Default(&w.Callback.URLTarget, "http")
	}
	setup.Default(&w.Requests.DetailsRest, "counted")
	setup.Default(&w.Callback.OnReject, "failure")
	w.Callback.Retry.setDefaults(Retry{Base: 500 * time.Millisecond, Cap: time.Minute, MaxAge: 24 * time.Hour})
	w.NotifyRetry.setDefaults(Retry{Base: 2 * time.Second, Cap: 5 * time.Minute, MaxAge: 6 * time.Hour})
	if w.Notify == nil {
		w.Notify = c.channelsForPeople()
	}
}

// channelsForPeople returns the names of the channels that notify people. If all channels are for programs, these are
// returned.
func (c *Config) channelsForPeople() []string {
	all := slices.Sorted(maps.Keys(c.Channels))
	people := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		ch := c.Channels[name]
		return !ch.IsSet() || ch.Settings().Audience() == notify.AudiencePrograms
	})
	if len(people) == 0 {
		return all
	}
	return people
}

func (r *Retry) setDefaults(d Retry) {
	setup.Default(&r.Base, d.Base)
	setup.Default(&r.Cap, d.Cap)
	setup.Default(&r.MaxAge, d.MaxAge)
}
