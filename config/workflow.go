package config

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/s3"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/sqs"
)

// Workflow is a workflow: the source of its requests, the rules of its approvals, and its answer.
type Workflow struct {
	Requests      Requests      `yaml:"requests" doc:"where requests come from, and where their fields are"`
	Approvers     []string      `yaml:"approvers" doc:"people and sources who may decide: e-mail addresses, names, group:NAME, source:NAME; a request then adds others only if requests.fields.approvers is set"`
	Policy        Policy        `yaml:"policy" doc:"any, all, or {quorum: N, veto: true or false}"`
	MinAssurance  string        `yaml:"min_assurance" enum:"link,chat,sso" doc:"least proof of a person's identity for a decision: link, chat or sso"`
	FourEyes      bool          `yaml:"four_eyes" doc:"the acts of operators on an approval of this workflow need a second operator, as with operator.four_eyes"`
	Sources       []string      `yaml:"sources" doc:"decision sources that may decide: webhooks and topics by name, api for every API token or api:NAME for one, or none; empty means every API token, and every webhook and topic if no workflow names sources, or none if min_assurance is more than link"`
	Notify        []string      `yaml:"notify" doc:"channels that notify approvers, by name; empty means all channels for people, and [] none"`
	Fallback      []string      `yaml:"fallback" doc:"channels that are tried in turn for an approver whose notification by another channel is exhausted"`
	Events        []string      `yaml:"events" doc:"channels that notify programs of events: requested, decided, timed_out, the callback delivered or exhausted"`
	Undeliverable string        `yaml:"undeliverable" enum:"wait,escalate,cancel" doc:"reaction when every notification of an approval is exhausted, or there is none to send: wait, escalate (at once) or cancel (with a callback to the workflow)"`
	Requester     *Requester    `yaml:"requester" doc:"how the person behind a request is told of it, and what that person may do"`
	PassOn        []string      `yaml:"pass_on" doc:"people to whom an approver may pass a request on, beside those of escalations: IDs or group:NAME"`
	Deadline      time.Duration `yaml:"deadline" doc:"longest time of an approval, from when the workflow began to wait"`
	TaskTimeout   time.Duration `yaml:"task_timeout" doc:"the state's TimeoutSeconds, if requests do not carry it; 0 is unknown"`
	Margin        time.Duration `yaml:"margin" doc:"time between the approval's deadline and the end of the task; in short tasks a tenth of their time, and at least 5s"`
	Reminders     []Mark        `yaml:"reminders" doc:"times at which approvers who have not decided are reminded: a time after the request, or {before: TIME} the deadline"`
	Escalations   []Escalation  `yaml:"escalations" doc:"times at which more approvers are asked: after the request, or before the deadline, and whom"`
	Heartbeat     time.Duration `yaml:"heartbeat" doc:"time between two heartbeats while the workflow waits for its answer; less than half the state's HeartbeatSeconds; 0 is never; for targets of the kinds stepfunctions and lambda"`

	HeartbeatTimeout time.Duration `yaml:"heartbeat_timeout" doc:"the state's HeartbeatSeconds: after so long without a heartbeat the workflow ends the task by itself; it tells an answer that arrived from an answer that may not have, when its reply was lost; 0 is unknown, and is taken to be heartbeat"`

	Decision    DecisionRules `yaml:"decision" doc:"what approvers can decide: choices, fields, edits of the request; and the receipt"`
	Callback    Callback      `yaml:"callback" doc:"how the workflow is answered"`
	NotifyRetry Retry         `yaml:"notify_retry" doc:"how notifications are tried again"`
	Retention   time.Duration `yaml:"retention" doc:"how long a closed approval is kept; until its deadline at least"`

	// SilentWhenDecided is for channels that cannot edit their messages.
	SilentWhenDecided bool `yaml:"silent_when_decided" doc:"do not tell approvers who were asked and have not decided that somebody else has; they are told where their message cannot be edited"`

	Language string `yaml:"language" doc:"language of messages and pages for people who have none of their own; a browser's language comes before it"`
	TimeZone string `yaml:"time_zone" doc:"time zone of messages and pages for people who have none of their own"`

	// ExpectedDeadlines is checked against the rate of the target. It changes nothing at run time.
	ExpectedDeadlines int `yaml:"expected_deadlines" doc:"most approvals that share a deadline, such as those of a nightly batch; check config warns if the target cannot answer so many within margin; 0 is unknown"`

	unset struct{ notify, deadline, sources bool } // fields that the file left out
}

// Requests is the source of a workflow's requests.
type Requests struct {
	SQS         *sqs.Settings          `yaml:"sqs" doc:"the queue of requests; POST /v1/requests is always there"`
	Fields      map[string]Expressions `yaml:"fields" doc:"CEL expressions in place of the defaults: order, token, callback, step, title, requester, execution, state, approvers, started, deadline, timeout, retry_count, redrive_count, and form and choices, which have no defaults"`
	Files       *s3.FileSettings       `yaml:"files" doc:"buckets of S3 from which approvers open pictures and documents; without it such a file is a text"`
	Shape       string                 `yaml:"shape" doc:"requests are documents of agents, which bring question, form and choices: langchain (human-in-the-loop middleware), ag_ui (interrupts) or mcp (elicitation); the answer has resume"`
	Details     Details                `yaml:"details" doc:"values that approvers see, in the order of the file: name and CEL expression, or {value, kind, label, currency, before, columns, required}; a list has a name in each; without details approvers see all values of the body but secrets"`
	DetailsRest string                 `yaml:"details_rest" enum:"counted,hidden" doc:"with details: counted names the other values of the body to approvers as not shown, hidden does not"`
	Secrets     []string               `yaml:"secrets" doc:"more names of values that approvers do not see, such as *Code or customer.note; the names of hidden values are shown"`
	NotSecret   []string               `yaml:"not_secret" doc:"names of values that are shown although they look secret, such as tokenSale or payment.pin"`
}

// Callback is the answer to a workflow.
type Callback struct {
	TokenTarget  string            `yaml:"token_target" doc:"target for task tokens, by name"`
	URLTarget    string            `yaml:"url_target" doc:"target for callback URLs, by name; empty refuses them"`
	OnReject     string            `yaml:"on_reject" enum:"failure,success" doc:"failure: SendTaskFailure with ApprovalDenied; success: SendTaskSuccess with approved false"`
	Output       map[string]any    `yaml:"output" doc:"values added to the answer"`
	OutputFields map[string]string `yaml:"output_fields" doc:"values added to the answer: name and CEL expression over the request"`
	Retry        Retry             `yaml:"retry" doc:"how the callback is tried again"`
}

// Retry is a schedule of attempts.
type Retry struct {
	Base   time.Duration `yaml:"base" doc:"the first wait is between 0 and this, the next between 0 and twice this, and so on"`
	Cap    time.Duration `yaml:"cap" doc:"longest wait"`
	MaxAge time.Duration `yaml:"max_age" doc:"longest time between the first attempt and the last"`
}

// Mark is a time in the life of an approval: After its request, or Before its deadline.
type Mark struct {
	After  time.Duration `yaml:"after"`
	Before time.Duration `yaml:"before"`
}

// UnmarshalYAML reads a time, or {after: TIME} or {before: TIME}.
func (m *Mark) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&m.After); err == nil {
		return nil
	}
	type fields Mark
	var object fields
	if err := checkKeys(unmarshal, "after", "before"); err != nil {
		return err
	}
	if err := unmarshal(&object); err != nil {
		return errors.New("is not a time such as 4h, or {before: 1h}")
	}
	*m = Mark(object)
	return nil
}

// MarshalYAML writes the form that UnmarshalYAML reads.
func (m Mark) MarshalYAML() (any, error) {
	if m.Before != 0 {
		return map[string]string{"before": setup.FormatDuration(m.Before)}, nil
	}
	return setup.FormatDuration(m.After), nil
}

// Escalation asks more approvers at a time.
type Escalation struct {
	After  time.Duration `yaml:"after" doc:"time after the request"`
	Before time.Duration `yaml:"before" doc:"time before the deadline"`
	To     []string      `yaml:"to" doc:"approvers: IDs or group:NAME"`
}

// Policy is the number of votes that decide.
type Policy struct {
	Kind   string // any, all or quorum
	Quorum int
	Veto   bool
}

// UnmarshalYAML reads any, all, or {quorum: N, veto: BOOL}.
func (p *Policy) UnmarshalYAML(unmarshal func(any) error) error {
	var kind string
	if err := unmarshal(&kind); err == nil {
		*p = Policy{Kind: kind, Veto: true}
		return nil
	}
	quorum := struct {
		Quorum int  `yaml:"quorum"`
		Veto   bool `yaml:"veto"`
	}{Veto: true}
	if err := checkKeys(unmarshal, "quorum", "veto"); err != nil {
		return err
	}
	if err := unmarshal(&quorum); err != nil {
		return errors.New("is not a policy: any, all, or {quorum: N, veto: true or false}")
	}
	*p = Policy{Kind: "quorum", Quorum: quorum.Quorum, Veto: quorum.Veto}
	return nil
}

// checkKeys returns an error about the first unknown field of a mapping.
func checkKeys(unmarshal func(any) error, known ...string) error {
	var fields map[string]any
	if unmarshal(&fields) != nil { // reported by the caller
		return nil
	}
	for _, name := range sortedNames(fields) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("has an unknown field %q%s", name, suggestField(name, known))
		}
	}
	return nil
}

// MarshalYAML writes the form that UnmarshalYAML reads.
func (p Policy) MarshalYAML() (any, error) {
	if p.Kind != "quorum" {
		return p.Kind, nil
	}
	return map[string]any{"quorum": p.Quorum, "veto": p.Veto}, nil
}

// Expressions are CEL expressions. The first that finds a value counts.
type Expressions []string

// UnmarshalYAML reads an expression or a list of them.
func (e *Expressions) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if err := unmarshal(&one); err == nil {
		*e = Expressions{one}
		return nil
	}
	var list []string
	if err := unmarshal(&list); err != nil {
		return errors.New("is neither a CEL expression nor a list of them")
	}
	*e = list
	return nil
}
