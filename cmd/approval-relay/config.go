package main

import (
	"errors"
	"time"

	"github.com/approval-relay/approval-relay/secret"
)

// Config is the configuration file. Every field has a default that is safe and
// runs; Defaults says which.
type Config struct {
	Log       LogConfig                 `yaml:"log" doc:"what is logged, and how"`
	Public    PublicConfig              `yaml:"public" doc:"the address for approvers and third parties"`
	Operator  OperatorConfig            `yaml:"operator" doc:"the address for operators, programs that ask and decide, and Prometheus"`
	Store     StoreConfig               `yaml:"store" doc:"where orders are kept"`
	Keys      KeysConfig                `yaml:"keys" doc:"the keys that seal task tokens and sign links"`
	AWS       AWSConfig                 `yaml:"aws" doc:"AWS; credentials come from the environment, as the SDK finds them"`
	Tracing   TracingConfig             `yaml:"tracing" doc:"spans of each approval from its request to its answer, for OpenTelemetry"`
	Shutdown  ShutdownConfig            `yaml:"shutdown" doc:"how the program ends"`
	Unmatched UnmatchedConfig           `yaml:"unmatched" doc:"decisions that come before their request"`
	Workflows map[string]WorkflowConfig `yaml:"workflows" doc:"who asks, who approves, until when, how it is answered"`
	Decisions map[string]DecisionConfig `yaml:"decisions" doc:"SNS topics that decisions come from, by name"`
	Webhooks  map[string]WebhookConfig  `yaml:"webhooks" doc:"third parties that post decisions to /webhooks/NAME"`
	Channels  map[string]ChannelConfig  `yaml:"channels" doc:"ways to tell people, by name"`
	People    map[string]PersonConfig   `yaml:"people" doc:"what is to be known of approvers, by their ID"`
	Groups    map[string][]string       `yaml:"groups" doc:"approvers who are named together, as group:NAME"`
	Targets   map[string]TargetConfig   `yaml:"targets" doc:"ways to answer workflows, by name"`
}

// LogConfig says what is logged.
type LogConfig struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error"`
	Format string `yaml:"format" doc:"json or text"`
}

// PublicConfig is the public address.
type PublicConfig struct {
	Listen string      `yaml:"listen" doc:"address and port; empty serves no public routes"`
	URL    string      `yaml:"url" doc:"what links begin with: the address as approvers reach it, with its path prefix if it has one"`
	OIDC   *OIDCConfig `yaml:"oidc" doc:"an OpenID Connect provider at which approvers sign in, for min_assurance sso and for links in rooms"`
}

// OIDCConfig is an OpenID Connect provider. It must know public.url/signin/callback.
type OIDCConfig struct {
	Issuer       string      `yaml:"issuer" doc:"URL of the provider, https, exactly as the field issuer of its discovery document has it: a slash at the end makes a difference"`
	ClientID     string      `yaml:"client_id" doc:"client ID"`
	ClientSecret secret.Text `yaml:"client_secret" doc:"client secret"`
	Claim        string      `yaml:"claim" doc:"claim of the ID token that is the approver's ID; empty is email, which must be verified; another must be one that people cannot choose for themselves"`
}

// OperatorConfig is the operator's address.
type OperatorConfig struct {
	Listen      string                 `yaml:"listen" doc:"address and port"`
	Tokens      map[string]secret.Text `yaml:"tokens" doc:"bearer tokens of operators, by name; without any, one is made and kept in token_file"`
	TokenFile   string                 `yaml:"token_file" doc:"where that token is kept, for the command line too"`
	APITokens   map[string]secret.Text `yaml:"api_tokens" doc:"bearer tokens of programs that may only post requests and decisions, by name"`
	OpenMetrics bool                   `yaml:"open_metrics" doc:"serve /metrics without a token"`
}

// StoreConfig says where orders are kept.
type StoreConfig struct {
	SQLite string `yaml:"sqlite" doc:"path of the database file; one process at a time"`
	Memory bool   `yaml:"memory" doc:"keep orders in memory only, for tests: a restart forgets them"`
	// DynamoDB is in place of SQLite's file.
	DynamoDB *DynamoDBConfig `yaml:"dynamodb" doc:"a DynamoDB table in place of the file, for several workers at once; they share one key file"`
}

// DynamoDBConfig is a table.
type DynamoDBConfig struct {
	Table    string `yaml:"table" doc:"name of the table; it holds nothing else"`
	Create   bool   `yaml:"create" doc:"make the table where there is none, paid by request; else it must exist"`
	Region   string `yaml:"region" doc:"region; empty takes aws.region"`
	Endpoint string `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
}

// KeysConfig says where keys are.
type KeysConfig struct {
	File string `yaml:"file" doc:"path of the key file; made at the first start"`
}

// AWSConfig is for all AWS clients.
type AWSConfig struct {
	Region   string `yaml:"region" doc:"region; empty leaves it to the SDK"`
	Endpoint string `yaml:"endpoint" doc:"endpoint for all services, for emulators"`
}

// ShutdownConfig says how the program ends.
type ShutdownConfig struct {
	Timeout time.Duration `yaml:"timeout" doc:"from SIGTERM to the end at the latest; what runs is finished or handed back within it"`
}

// UnmatchedConfig is about decisions that come first.
type UnmatchedConfig struct {
	TTL       time.Duration `yaml:"ttl" doc:"how long a decision waits for its request"`
	Retention time.Duration `yaml:"retention" doc:"how long one that waited in vain is shown"`
}

// WorkflowConfig is one workflow.
type WorkflowConfig struct {
	Requests     RequestsConfig     `yaml:"requests" doc:"where requests come from, and where their fields are"`
	Approvers    []string           `yaml:"approvers" doc:"who may decide, beside those that a request names: e-mail addresses, names, group:NAME, source:NAME"`
	Policy       PolicyConfig       `yaml:"policy" doc:"any, all, or quorum"`
	MinAssurance string             `yaml:"min_assurance" doc:"the least that a person's decision rests on: link, chat or sso"`
	Sources      []string           `yaml:"sources" doc:"decision sources that may decide, by name, or none; empty means all that are configured, or none where min_assurance is more than link"`
	Notify       []string           `yaml:"notify" doc:"channels that tell approvers, by name: all of them"`
	Fallback     []string           `yaml:"fallback" doc:"channels that are tried, one after the other, for whom another has given up"`
	Events       []string           `yaml:"events" doc:"channels by which programs are told what happens: requested, decided, timed_out, the callback delivered or exhausted"`
	Unheard      string             `yaml:"unheard" doc:"what happens when nobody could be told: wait, escalate (at once) or cancel (the workflow is told)"`
	Deadline     time.Duration      `yaml:"deadline" doc:"how long an approval may take, from when the workflow began to wait"`
	TaskTimeout  time.Duration      `yaml:"task_timeout" doc:"the state's TimeoutSeconds, where requests do not say it; 0 is unknown"`
	Margin       time.Duration      `yaml:"margin" doc:"how long before the task's end an approval times out; in short tasks a tenth of their time, but 5s"`
	Reminders    []MarkConfig       `yaml:"reminders" doc:"when those that have not decided are reminded: a time after the request, or {before: TIME} the deadline"`
	Escalations  []EscalationConfig `yaml:"escalations" doc:"when more approvers are asked: after the request, or before the deadline, and to whom"`
	Heartbeat    time.Duration      `yaml:"heartbeat" doc:"how often SendTaskHeartbeat is called while an approval is pending; less than half the state's HeartbeatSeconds; 0 is never"`
	Callback     CallbackConfig     `yaml:"callback" doc:"how the workflow is answered"`
	NotifyRetry  RetryConfig        `yaml:"notify_retry" doc:"how notifications are tried again"`
	Retention    time.Duration      `yaml:"retention" doc:"how long a closed approval is kept; until its deadline at least"`
}

// PersonConfig is one approver.
type PersonConfig struct {
	Notify   []string        `yaml:"notify" doc:"channels that tell this one, in place of the workflow's"`
	Fallback []string        `yaml:"fallback" doc:"channels to fall back on, in place of the workflow's"`
	Slack    string          `yaml:"slack" doc:"Slack user ID, where the ID here is not the e-mail address that Slack knows"`
	Away     []AbsenceConfig `yaml:"away" doc:"when they are away, and who decides in their place"`
}

// AbsenceConfig is a time away.
type AbsenceConfig struct {
	From  time.Time `yaml:"from" doc:"the first day away (UTC), or a time with its zone"`
	Until time.Time `yaml:"until" doc:"the first day back (UTC), or a time with its zone"`
	Cover []string  `yaml:"cover" doc:"approvers in their place; whichever of them decides, it counts once"`
}

// MarkConfig is a time in the life of an approval.
type MarkConfig struct{ After, Before time.Duration }

// UnmarshalYAML reads a time, or {after: TIME} or {before: TIME}.
func (m *MarkConfig) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&m.After); err == nil {
		return nil
	}
	var object struct {
		After  time.Duration `yaml:"after"`
		Before time.Duration `yaml:"before"`
	}
	if err := unmarshal(&object); err != nil {
		return errors.New("a reminder is a time such as 4h, or {before: 1h}")
	}
	*m = MarkConfig(object)
	return nil
}

// EscalationConfig is one escalation.
type EscalationConfig struct {
	After  time.Duration `yaml:"after" doc:"from the request on"`
	Before time.Duration `yaml:"before" doc:"before the deadline"`
	To     []string      `yaml:"to" doc:"approvers: IDs or group:NAME"`
}

// RequestsConfig says where requests come from.
type RequestsConfig struct {
	SQS     *QueueConfig           `yaml:"sqs" doc:"the queue; POST /v1/requests is always there"`
	Fields  map[string]Expressions `yaml:"fields" doc:"CEL expressions in place of the defaults: order, token, callback, step, title, requester, execution, approvers, started, deadline, timeout"`
	Details map[string]string      `yaml:"details" doc:"what approvers see: label and CEL expression; without it every plain value of the body but secrets"`
}

// QueueConfig is one SQS queue.
type QueueConfig struct {
	Queue           string        `yaml:"queue" doc:"name or URL"`
	DeadLetterQueue string        `yaml:"dead_letter_queue" doc:"name or URL of the queue for messages that can never be handled; empty keeps them in the store"`
	Concurrency     int           `yaml:"concurrency" doc:"messages handled at once"`
	Pollers         int           `yaml:"pollers" doc:"receives under way at once, under load"`
	Visibility      time.Duration `yaml:"visibility" doc:"visibility timeout; extended while a message is handled"`
}

// PolicyConfig is when votes decide.
type PolicyConfig struct {
	Kind   string
	Quorum int
	Veto   bool
}

// CallbackConfig says how a workflow is answered.
type CallbackConfig struct {
	TokenTarget  string            `yaml:"token_target" doc:"target for task tokens, by name"`
	URLTarget    string            `yaml:"url_target" doc:"target for callback URLs, by name; empty refuses them"`
	OnReject     string            `yaml:"on_reject" doc:"failure: SendTaskFailure with ApprovalDenied; success: SendTaskSuccess with approved false"`
	Output       map[string]any    `yaml:"output" doc:"values added to the answer"`
	OutputFields map[string]string `yaml:"output_fields" doc:"values added to the answer: name and CEL expression over the request"`
	Retry        RetryConfig       `yaml:"retry" doc:"how the callback is tried again"`
}

// RetryConfig is a schedule of attempts.
type RetryConfig struct {
	Base   time.Duration `yaml:"base" doc:"the first wait is between 0 and this, the next between 0 and twice this, …"`
	Cap    time.Duration `yaml:"cap" doc:"the longest wait"`
	MaxAge time.Duration `yaml:"max_age" doc:"from when it was owed to the last attempt"`
}

// DecisionConfig is one SNS topic of decisions.
type DecisionConfig struct {
	Topic     string                 `yaml:"topic" doc:"ARN of the topic; messages of other topics are refused"`
	Subscribe bool                   `yaml:"subscribe" doc:"make the queue, subscribe it to the topic and let the topic send to it; else all that exists already"`
	SQS       QueueConfig            `yaml:"sqs" doc:"the queue that is subscribed to the topic"`
	Filter    string                 `yaml:"filter" doc:"CEL expression that is true of decisions; other messages are counted and dropped"`
	Fields    map[string]Expressions `yaml:"fields" doc:"CEL expressions in place of the defaults: id, order, outcome, step, approval, by, comment"`
}

// Expressions are CEL expressions of which the first that finds something counts.
type Expressions []string

// UnmarshalYAML reads one expression or a list.
func (e *Expressions) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if err := unmarshal(&one); err == nil {
		*e = Expressions{one}
		return nil
	}
	var list []string
	if err := unmarshal(&list); err != nil {
		return errors.New("a field is one CEL expression or a list of them")
	}
	*e = list
	return nil
}

// UnmarshalYAML reads any, all, or {quorum: N, veto: BOOL}.
func (p *PolicyConfig) UnmarshalYAML(unmarshal func(any) error) error {
	var kind string
	if err := unmarshal(&kind); err == nil {
		*p = PolicyConfig{Kind: kind, Veto: true}
		return nil
	}
	quorum := struct {
		Quorum int  `yaml:"quorum"`
		Veto   bool `yaml:"veto"`
	}{Veto: true}
	if err := unmarshal(&quorum); err != nil {
		return errors.New("a policy is any, all, or {quorum: N, veto: true or false}")
	}
	*p = PolicyConfig{Kind: "quorum", Quorum: quorum.Quorum, Veto: quorum.Veto}
	return nil
}
