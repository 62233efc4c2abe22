// Package config is the configuration file: strict reading with faults and warnings that name line and field, defaults,
// and the rules of workflows compiled from their expressions. The settings of adapters are declared by the adapters;
// the lists in kinds.go name them all.
package config

import (
	"time"

	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/postgres"
	"github.com/approval-relay/approval-relay/tracing"
)

// Config is the configuration file. Every field has a default that is safe and runs; Defaults returns them.
type Config struct {
	Log          Log                 `yaml:"log" doc:"level and format of the log"`
	Public       Public              `yaml:"public" doc:"the address for approvers and third parties"`
	Operator     Operator            `yaml:"operator" doc:"the address for operators, programs that send requests and decisions, and Prometheus"`
	Store        Store               `yaml:"store" doc:"where orders are kept"`
	Keys         Keys                `yaml:"keys" doc:"the keys that seal task tokens and sign links"`
	AWS          AWS                 `yaml:"aws" doc:"AWS; credentials come from the environment, as the SDK finds them"`
	Metrics      Metrics             `yaml:"metrics" doc:"the metrics that Prometheus scrapes"`
	Tracing      tracing.Settings    `yaml:"tracing" doc:"spans of each approval from its request to its answer, for OpenTelemetry"`
	Shutdown     Shutdown            `yaml:"shutdown" doc:"how the program ends"`
	Unmatched    Unmatched           `yaml:"unmatched" doc:"decisions that come before their request"`
	Language     string              `yaml:"language" doc:"language of people who have no other: en or de, also with a region, such as de-AT"`
	TimeZone     string              `yaml:"time_zone" doc:"time zone of people who have no other, such as Europe/Berlin"`
	Organisation Organisation        `yaml:"organisation" doc:"the looks of pages and messages: name, logo, colours, help"`
	Defaults     *Workflow           `yaml:"defaults" doc:"settings that every workflow takes, unless it has its own"`
	Workflows    map[string]Workflow `yaml:"workflows" doc:"where requests come from, who approves, until when, how it is answered"`
	Decisions    map[string]Decision `yaml:"decisions" doc:"SNS topics that decisions come from, by name"`
	Webhooks     map[string]Webhook  `yaml:"webhooks" doc:"third parties that post decisions to /webhooks/NAME"`
	Channels     map[string]Channel  `yaml:"channels" doc:"channels that notify people and programs, by name"`
	People       map[string]Person   `yaml:"people" doc:"approvers with settings of their own, by their ID"`
	Groups       map[string][]string `yaml:"groups" doc:"approvers who are named together, as group:NAME"`
	Targets      map[string]Target   `yaml:"targets" doc:"targets that answer workflows, by name"`

	// Compiled is made of the rest by Load.
	Compiled Compiled `yaml:"-"`

	origin *findings // of the file; nil if the configuration was made by code
}

// Log is the log of the program.
type Log struct {
	Level  string `yaml:"level" enum:"debug,info,warn,error" doc:"debug, info, warn or error"`
	Format string `yaml:"format" enum:"json,text" doc:"json or text"`
}

// Public is the public address.
type Public struct {
	Listen string           `yaml:"listen" doc:"address and port; empty serves no public routes"`
	URL    string           `yaml:"url" doc:"beginning of all links: the address as approvers reach it, with its path prefix if it has one"`
	OIDC   *signin.Settings `yaml:"oidc" doc:"an OpenID Connect provider at which approvers sign in, for min_assurance sso and for links that groups read"`
	Rate   float64          `yaml:"rate" doc:"requests a second of all clients together; more are answered 429, unless their link or signature is right, or their client sends little; 0 is no limit"`
	Burst  int              `yaml:"burst" doc:"requests at once before the rate applies"`

	Listener `yaml:",inline"`
}

// Listener is what both addresses have.
type Listener struct {
	TrustedProxies []string             `yaml:"trusted_proxies" doc:"networks (10.0.0.0/8) and addresses of the proxies in front, whose X-Forwarded-For or Forwarded names the client; without them the client is whoever connects"`
	HSTS           time.Duration        `yaml:"hsts" doc:"over https, browsers use https only for this host and all its ports for this time (Strict-Transport-Security); 0 leaves it to the proxy"`
	MaxConnections int                  `yaml:"max_connections" doc:"open connections, at most; beyond it, the connection that has waited for its client the longest is closed"`
	TLS            *inbound.TLSSettings `yaml:"tls" doc:"serve https, and ask clients for certificates (mTLS); without it, http for a proxy that ends TLS"`
}

// Operator is the operator's address.
type Operator struct {
	Listen      string                   `yaml:"listen" doc:"address and port"`
	URL         string                   `yaml:"url" doc:"this address as operators reach it in the browser, with its path prefix if it has one; for oidc and notify"`
	OIDC        *OperatorOIDC            `yaml:"oidc" doc:"an OpenID Connect provider at which operators sign in to the console, with roles from a claim"`
	Tokens      map[string]OperatorToken `yaml:"tokens" doc:"bearer tokens of operators and of Prometheus, by name, with what each may do; without any, a token is made and kept in token_file"`
	TokenFile   string                   `yaml:"token_file" doc:"path of the file with that token, which the command line reads too"`
	APITokens   map[string]APIToken      `yaml:"api_tokens" doc:"bearer tokens of programs, by name, with what each may do"`
	FourEyes    bool                     `yaml:"four_eyes" doc:"an operator's decision, cancellation, change of approvers or later deadline waits for a second operator, for an hour at most; workflows.NAME.four_eyes is for a single workflow"`
	Notify      []string                 `yaml:"notify" doc:"channels for programs that get the event approval.proposed when an act waits for a second operator"`
	OpenMetrics bool                     `yaml:"open_metrics" doc:"serve /metrics without a token"`
	// AllInterfaces only silences a warning.
	AllInterfaces bool `yaml:"allow_all_interfaces" doc:"listen at an address of all interfaces, such as :9090, without a warning: in a container its network decides who reaches the port"`

	Listener `yaml:",inline"`
}

// Store is the place where orders are kept.
type Store struct {
	SQLite          string             `yaml:"sqlite" doc:"path of the database file; one process at a time"`
	SkipUpgradeCopy bool               `yaml:"skip_upgrade_copy" doc:"make no copy of the database file (NAME.vVERSION.backup beside it) before a new program changes its schema"`
	Memory          bool               `yaml:"memory" doc:"keep orders in memory only, for tests: a restart forgets them"`
	DynamoDB        *dynamodb.Settings `yaml:"dynamodb" doc:"a DynamoDB table in place of the file, for several workers at once; they share one key file"`
	Postgres        *postgres.Settings `yaml:"postgres" doc:"a PostgreSQL database (14 or later) in place of the file, for several workers at once; they share one key file"`
}

// AWS is the part that all AWS clients share.
type AWS struct {
	Region   string `yaml:"region" doc:"region; empty leaves it to the SDK"`
	Endpoint string `yaml:"endpoint" doc:"endpoint for all services, for emulators; takes precedence over AWS_ENDPOINT_URL and the like, which hold if it is empty"`
}

// Metrics are the metrics of the program.
type Metrics struct {
	Histograms string `yaml:"histograms" enum:"both,classic,native" doc:"buckets of histograms: classic (a series each), native (for Prometheus with native histograms, a fraction of the series), or both"`
}

// Shutdown is the end of the program.
type Shutdown struct {
	Delay   time.Duration `yaml:"delay" doc:"time from SIGTERM, or from \"not ready\", until listeners close; load balancers take the worker out within it"`
	Timeout time.Duration `yaml:"timeout" doc:"longest time after delay to the end; running work is finished or handed back within it"`
}

// Unmatched is about decisions that come before their request.
type Unmatched struct {
	TTL       time.Duration `yaml:"ttl" doc:"how long a decision waits for its request"`
	Retention time.Duration `yaml:"retention" doc:"how long an expired decision is shown"`
}

// Decision is an SNS topic of decisions.
type Decision struct {
	Topic     string       `yaml:"topic" doc:"ARN of the topic; messages of other topics are refused"`
	Subscribe bool         `yaml:"subscribe" doc:"make the queue, subscribe it to the topic and let the topic send to it; otherwise all of this must exist"`
	SQS       sqs.Settings `yaml:"sqs" doc:"the queue that is subscribed to the topic"`

	DecisionFields `yaml:",inline"`
}

// DecisionFields tell how the decisions of a source are read.
type DecisionFields struct {
	Filter string                 `yaml:"filter" doc:"CEL expression that is true for decisions; other messages are counted and dropped (HTTP: answered 204)"`
	Fields map[string]Expressions `yaml:"fields" doc:"CEL expressions in place of the defaults: id, order, outcome, choice, values, shown_digest, step, execution, approval, by, comment"`
}

// Webhook is a third party: a scheme, and the settings that all schemes share.
type Webhook struct {
	Scheme  `yaml:",inline"`
	Rate    float64 `yaml:"rate" doc:"requests a second, at most; more are answered 429; 0 is no limit"`
	Burst   int     `yaml:"burst" doc:"requests at once before the rate limit applies"`
	MaxBody int     `yaml:"max_body" doc:"bytes of a body, at most, also when it is decompressed; 0 is 1 MiB, which is also the greatest"`
	Body    string  `yaml:"body" enum:"auto,json,form,multipart,json_or_form" doc:"format of bodies: json, form, multipart, json_or_form (the first character tells), or auto (the header Content-Type tells; only where a token or certificate vouches for the whole request, and the default there); the default of github and slack is json_or_form, of other signatures json"`

	// Handshake replaces the handshake of the scheme.
	Handshake       string        `yaml:"handshake" enum:"okta,adobe_sign,slack,graph,meta,dropbox,trello,zoom,crc,event_grid,monday" doc:"how the sender checks this endpoint when it registers; empty is the way of the scheme"`
	HandshakeTokens []secret.Text `yaml:"handshake_tokens" doc:"verify tokens of meta, or the client IDs of adobe_sign that are answered"`

	KeepRefusedBodies bool `yaml:"keep_refused_bodies" doc:"keep the bodies of refused requests, encrypted in memory, for operators who look for the reason; the log says who looked"`

	DecisionFields `yaml:",inline"`
}

// Person is an approver.
type Person struct {
	Notify   []string  `yaml:"notify" doc:"channels that notify this approver, in place of the workflow's"`
	Fallback []string  `yaml:"fallback" doc:"channels to fall back on, in place of the workflow's"`
	Aliases  []string  `yaml:"aliases" doc:"other names of this person, such as an account ID or a login: requests and decisions that use them mean this person"`
	Slack    string    `yaml:"slack" doc:"Slack user ID, or TEAM/USER with the ID of the workspace, if the approver's ID is not the e-mail address that Slack knows"`
	Language string    `yaml:"language" doc:"language of this person's messages and pages, such as de"`
	TimeZone string    `yaml:"time_zone" doc:"time zone of this person, such as Europe/Berlin; days of away begin there"`
	Away     []Absence `yaml:"away" doc:"times of absence, and the substitutes who decide then"`
}

// Absence is a time away.
type Absence struct {
	From        time.Time `yaml:"from" doc:"the first day away, in the person's time zone, or a time with its zone"`
	Until       time.Time `yaml:"until" doc:"the first day back, likewise, or a time with its zone"`
	Substitutes []string  `yaml:"substitutes" doc:"approvers in their place; a decision by any of them counts once"`
}
