package main

import "maps"

import "time"

// requestFields and decisionFields are where fields are found without
// configuration. They take the bodies that the well-known tutorials for
// waitForTaskToken make, as they are.
func requestFields() map[string]Expressions {
	return map[string]Expressions{
		"order": {
			"body.orderId", "body.orderID", "body.order_id", "body.OrderId", "body.approvalRequest.orderId",
			"body.approvalRequest.order_id", "body.order.id", "body.order.orderId", "body.input.orderId",
		},
		"token":     {"body.taskToken", "body.TaskToken", "body.task_token", "body.MyTaskToken", "body.tasktoken", "body.callbackId", "body.callback_id"},
		"callback":  {"body.callbackUrl", "body.callbackURL", "body.callback_url"},
		"step":      {"body.step", "body.approvalRequest.step", "body.order.step"},
		"title":     {"body.title", "body.subject", "body.approvalRequest.title", "body.order.title"},
		"requester": {"body.requester", "body.requestedBy", "body.approvalRequest.requester", "body.approvalRequest.requestedBy"},
		"execution": {"body.executionArn", "body.execution_arn", "body.ExecutionArn", "body.execution"},
		"approvers": {
			"body.approvers", "body.approver", "body.managerEmail", "body.approverEmail", "body.approvalRequest.approvers",
			"body.approvalRequest.managerEmail", "body.approvalRequest.approverEmail", "body.order.managerEmail",
		},
		"started":  {"body.enteredTime", "body.startedAt"},
		"deadline": {"body.approvalDeadline", "body.deadline", "body.taskTokenExpiration", "body.expiresAt", "body.approvalRequest.deadline"},
		"timeout":  {"body.timeoutSeconds", "body.timeout_seconds", "body.TimeoutSeconds", "body.approvalRequest.timeoutSeconds"},
	}
}

func decisionFields() map[string]Expressions {
	return map[string]Expressions{
		"id":       {"body.decisionId", "body.decision_id", "body.eventId"},
		"order":    {"body.orderId", "body.orderID", "body.order_id", "body.OrderId", "body.order.id", "body.order.orderId"},
		"outcome":  {"body.decision", "body.outcome", "body.approved", "body.status", "body.action"},
		"step":     {"body.step", "body.order.step"},
		"approval": {"body.approvalId", "body.approval_id"},
		"by":       {"body.decidedBy", "body.decided_by", "body.approver", "body.approvedBy", "body.by", "body.user"},
		"comment":  {"body.comment", "body.comments", "body.reason"},
	}
}

// Defaults is the configuration of an empty file.
func Defaults() Config {
	return Config{
		Log:       LogConfig{Level: "info", Format: "json"},
		Public:    PublicConfig{Listen: ":8080", URL: "http://localhost:8080"},
		Operator:  OperatorConfig{Listen: "127.0.0.1:9090", TokenFile: "approval-relay.token"},
		Store:     StoreConfig{SQLite: "approval-relay.db"},
		Keys:      KeysConfig{File: "approval-relay.keys"},
		Tracing:   TracingConfig{SampleRatio: 1, ServiceName: "approval-relay"},
		Shutdown:  ShutdownConfig{Timeout: 25 * time.Second}, // within the 30 s that Kubernetes and ECS give
		Unmatched: UnmatchedConfig{TTL: time.Hour, Retention: 7 * 24 * time.Hour},
	}
}

// fill adds what the file left out and what depends on what it says.
func (c *Config) fill() {
	if len(c.Workflows) == 0 {
		c.Workflows = map[string]WorkflowConfig{"default": {}}
	}
	if len(c.Channels) == 0 {
		c.Channels = map[string]ChannelConfig{"log": {Log: &LogChannelConfig{}}}
	}
	if c.Targets == nil {
		c.Targets = map[string]TargetConfig{}
	}
	if _, named := c.Targets["stepfunctions"]; !named {
		c.Targets["stepfunctions"] = TargetConfig{StepFunctions: &StepFunctionsConfig{}}
	}
	for _, t := range c.Targets {
		fillKind[targetKind](t, c.AWS)
	}
	for name, w := range c.Workflows {
		w.fill(c)
		c.Workflows[name] = w
	}
	for name, d := range c.Decisions {
		d.SQS.fill()
		d.Fields = over(decisionFields(), d.Fields)
		c.Decisions[name] = d
	}
	for name, w := range c.Webhooks {
		w.fill()
		fillKind[schemeKind](w, c.AWS)
		c.Webhooks[name] = w
	}
	for _, ch := range c.Channels {
		fillKind[channelKind](ch, c.AWS)
	}
}

// over returns the defaults with what the file says in their place.
func over(defaults, file map[string]Expressions) map[string]Expressions {
	maps.Copy(defaults, file)
	return defaults
}

func (w *WorkflowConfig) fill(c *Config) {
	if w.Requests.SQS != nil {
		w.Requests.SQS.fill()
	}
	w.Requests.Fields = over(requestFields(), w.Requests.Fields)
	if w.Policy.Kind == "" {
		w.Policy = PolicyConfig{Kind: "any", Veto: true}
	}
	set(&w.MinAssurance, "link")
	if w.MinAssurance != "link" && w.Sources == nil { // else a program could decide in the name of who must sign in
		w.Sources = []string{noSource}
	}
	set(&w.Unheard, "wait")
	set(&w.Deadline, 24*time.Hour)
	set(&w.Margin, 30*time.Second)
	set(&w.Retention, 30*24*time.Hour)
	set(&w.Callback.TokenTarget, "stepfunctions")
	if _, ok := c.Targets["http"]; ok {
		set(&w.Callback.URLTarget, "http")
	}
	set(&w.Callback.OnReject, "failure")
	w.Callback.Retry.fill(RetryConfig{Base: 500 * time.Millisecond, Cap: time.Minute, MaxAge: 24 * time.Hour})
	w.NotifyRetry.fill(RetryConfig{Base: 2 * time.Second, Cap: 5 * time.Minute, MaxAge: 6 * time.Hour})
	if w.Notify == nil && len(c.Channels) == 1 {
		for name := range c.Channels {
			w.Notify = []string{name}
		}
	}
}

// set gives a value to what has none.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (q *QueueConfig) fill() {
	set(&q.Concurrency, 64)
	set(&q.Pollers, 4)
	set(&q.Visibility, 30*time.Second)
}

func (r *RetryConfig) fill(d RetryConfig) {
	set(&r.Base, d.Base)
	set(&r.Cap, d.Cap)
	set(&r.MaxAge, d.MaxAge)
}

func (w *WebhookConfig) fill() {
	w.Fields = over(decisionFields(), w.Fields)
	if w.Rate > 0 {
		set(&w.Burst, max(1, int(w.Rate)))
	}
}
