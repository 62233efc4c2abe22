package api

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// The types below are the public form of an order. They are an allow list: order_convert.go copies each field by
// name, so a new field of the domain stays private until somebody adds it there. The comments of the types and of
// their fields are the descriptions in openapi.json.

// Order has the approvals of an order ID, the decisions that wait for a request, and the recent history.
type Order struct {
	// OrderID correlates requests and decisions.
	OrderID string `json:"orderId"`
	// Approvals are the approval requests of this order, oldest first.
	Approvals []Approval `json:"approvals"`
	// UnmatchedDecisions are decisions that no approval admits yet.
	UnmatchedDecisions []UnmatchedDecision `json:"unmatchedDecisions"`
	// History has the events, oldest first: every request, vote, end and act of an operator, and beside them the latest
	// decisions that did not count and the latest deliveries.
	History []Event `json:"history"`
	// ShedParts names parts that were removed because the record became too large: "notifications", "events", "details"
	// and "comments" of closed approvals.
	ShedParts []string `json:"shedParts,omitempty"`
}

// Approval is the record of an approval request.
type Approval struct {
	// ApprovalID identifies the approval. It is derived from the task token and does not reveal it.
	ApprovalID string          `json:"approvalId"`
	Status     approval.Status `json:"status"`
	Workflow   string          `json:"workflow"`
	// Step tells the approvals of an order apart.
	Step string `json:"step,omitempty"`
	// Target is the name of the target that answers the workflow.
	Target string `json:"target"`
	// StateName is the name of the workflow's waiting state, if the request states it.
	StateName string `json:"stateName,omitempty"`
	// Execution is the workflow's own name for its run.
	Execution string `json:"execution,omitempty"`
	// Title and Details are shown to approvers.
	Title   string   `json:"title,omitempty"`
	Details []Detail `json:"details"`
	// Requester asked for the approval and cannot approve it.
	Requester string `json:"requester,omitempty"`
	// Asker is the program or operator that sent the request to the API, such as "api:shop". The program does not decide
	// the approval unless AskerMayDecide is set.
	Asker          string `json:"asker,omitempty"`
	AskerMayDecide bool   `json:"askerMayDecide,omitempty"`

	// Approvers may decide. Without approvers, everybody who is notified may decide.
	Approvers []Approver `json:"approvers"`
	Policy    Policy     `json:"policy"`
	// MinAssurance is the weakest proof of identity that a person's decision needs.
	MinAssurance approval.Assurance `json:"minAssurance,omitempty"`
	// Sources are the programs that may decide; "api" stands for every API token. If it is missing, every configured
	// source may, unless SourcesRequired is set.
	Sources []string `json:"sources,omitempty"`
	// SourcesRequired reports that webhooks and topics may decide only if Sources names them.
	SourcesRequired bool `json:"sourcesRequired,omitempty"`
	// Votes are the decisions that counted, oldest first.
	Votes []Vote `json:"votes"`
	// Acts are the acts that are neither decisions nor cancellations, oldest first.
	Acts []RecordedAct `json:"acts,omitempty"`
	// Questions are the questions of approvers to the requester, oldest first.
	Questions []Question `json:"questions,omitempty"`

	// Choices are the choices of approvers. Without choices they can approve and reject.
	Choices []Choice `json:"choices,omitempty"`
	// Form has the fields of the choices.
	Form []FormField `json:"form,omitempty"`
	// Edits name the parts of the request that fields replace: the name of the field, and a JSON Pointer.
	Edits map[string]string `json:"edits,omitempty"`
	// Payload is a JSON Pointer to the part of the request that is decided; it is missing if that is all of it.
	Payload string `json:"payload,omitempty"`
	// RequestDigest is the SHA-256, in hex, of the canonical JSON of the part of the request that is decided.
	RequestDigest string `json:"requestDigest,omitempty"`
	// OriginalDigest is that digest before the first edit.
	OriginalDigest string `json:"originalRequestDigest,omitempty"`
	// Round is the number of the round, from 2 on, if the question was returned before.
	Round int `json:"round,omitempty"`
	// PreviousRound is the round before, with the changes since.
	PreviousRound *PreviousRound `json:"previousRound,omitempty"`
	// Receipt reports that the answer has a signed receipt.
	Receipt bool `json:"receipt,omitempty"`
	// MaxRounds is how often the question can be asked; in the last round it cannot be returned.
	MaxRounds int `json:"maxRounds,omitempty"`
	// ShownDigest is the digest of a pending request: a decision that names it is refused if the request has changed since.
	ShownDigest string `json:"shownDigest,omitempty"`

	// RequestedAt is when we recorded the request.
	RequestedAt time.Time `json:"requestedAt"`
	// StateEnteredAt is when the workflow entered the waiting state, as the request states it. A retry keeps it.
	StateEnteredAt time.Time `json:"stateEnteredAt,omitzero"`
	// AttemptStartedAt is when this attempt of the state began to wait. Its times count from then.
	AttemptStartedAt time.Time `json:"attemptStartedAt,omitzero"`
	// RetryCount and RedriveCount are the retries of the state and the redrives of the execution before this attempt, as
	// the request states them.
	RetryCount   int `json:"retryCount,omitempty"`
	RedriveCount int `json:"redriveCount,omitempty"`
	// Deadline is when the approval times out.
	Deadline time.Time `json:"deadline"`
	// TaskExpiresAt is when the workflow stops waiting, if that is known.
	TaskExpiresAt time.Time `json:"taskExpiresAt,omitzero"`
	ClosedAt      time.Time `json:"closedAt,omitzero"`
	// Reason states why the approval was closed, if no decision closed it.
	Reason string `json:"reason,omitempty"`
	// SupersededBy is the approval ID of the request that replaced this one.
	SupersededBy string `json:"supersededBy,omitempty"`

	Notify        NotifyRules    `json:"notify"`
	Notifications []Notification `json:"notifications"`
	// FirstNotifiedAt is when the first message to an approver was sent.
	FirstNotifiedAt time.Time `json:"firstNotifiedAt,omitzero"`
	// Undeliverable reports that no approver could be notified.
	Undeliverable bool `json:"undeliverable,omitempty"`
	// Dismissed names the state that an operator has put away: "answer" or "undeliverable".
	Dismissed approval.Attention `json:"dismissed,omitempty"`
	// Unanswered reports that the workflow has ended without the answer, or may have.
	Unanswered bool `json:"unanswered,omitempty"`
	// Advice is the next action of an operator, in a sentence or two in English. Lists and exports do not have it.
	Advice string `json:"advice,omitempty"`

	Callback Callback `json:"callback"`
	// HeartbeatInterval is the interval of heartbeats to the target; it is missing if there are none.
	HeartbeatInterval Duration `json:"heartbeatInterval,omitzero"`
	// HeartbeatTimeout is the time without a heartbeat after which the workflow ends the task by itself; it is missing if
	// that is unknown.
	HeartbeatTimeout Duration `json:"heartbeatTimeout,omitzero"`
	// NextHeartbeatAt is when the next heartbeat is due. It is missing while a worker keeps the heartbeats of a pending
	// approval in memory.
	NextHeartbeatAt time.Time `json:"nextHeartbeatAt,omitzero"`
	// RejectAsSuccess reports that a rejection is answered as a success of the task.
	RejectAsSuccess bool `json:"rejectAsSuccess,omitempty"`
	// Output is added to the answer.
	Output map[string]any `json:"output,omitempty"`
	// Retention is the time from the end of the approval to the removal of its record.
	Retention Duration `json:"retention"`
	// Traceparent is the W3C trace context of the request.
	Traceparent string `json:"traceparent,omitempty"`
}

// Approver is a person or a source that may decide.
type Approver struct {
	// ID is an e-mail address, a name, or "source:NAME" for a program. It is compared without regard to case.
	ID string `json:"id"`
	// SubstituteFor is the absent approver; this approver fills in. Both together have a single vote.
	SubstituteFor string `json:"substituteFor,omitempty"`
	// Escalated reports that an escalation added this approver.
	Escalated bool `json:"escalated,omitempty"`
	// Declined reports that the approver has stated that the request is not theirs to decide.
	Declined bool `json:"declined,omitempty"`
	// Channels and FallbackChannels replace the channels of the approval for this approver.
	Channels         []string `json:"channels,omitempty"`
	FallbackChannels []string `json:"fallbackChannels,omitempty"`
}

// Policy states when the votes decide an approval.
type Policy struct {
	Kind approval.PolicyKind `json:"kind"`
	// Quorum is the number of approvals needed by the policy "quorum".
	Quorum int `json:"quorum,omitempty"`
	// Veto reports that a single rejection rejects.
	Veto bool `json:"veto"`
}

// NotifyRules state how people and programs are notified of an approval.
type NotifyRules struct {
	// Channels notify each approver. If the retries of a channel are exhausted, the next fallback channel is used.
	Channels         []string `json:"channels"`
	FallbackChannels []string `json:"fallbackChannels,omitempty"`
	// GroupChannels are read by many people: a single message notifies all approvers.
	GroupChannels []string `json:"groupChannels,omitempty"`
	// ProgramChannels notify programs of events.
	ProgramChannels []string `json:"programChannels,omitempty"`
	// Reminders are the times of reminders to approvers without a vote.
	Reminders     []time.Time `json:"reminders,omitempty"`
	RemindersSent int         `json:"remindersSent,omitempty"`
	// Escalations add approvers, if the approval is still pending at that time.
	Escalations     []Escalation `json:"escalations,omitempty"`
	EscalationsDone int          `json:"escalationsDone,omitempty"`
	// OnUndeliverable is the action if no approver can be notified.
	OnUndeliverable UndeliverablePolicy `json:"onUndeliverable"`
	// RequesterChannels notify the requester, who may withdraw the request, be asked questions, and see the comments.
	RequesterChannels     []string `json:"requesterChannels,omitempty"`
	RequesterWithdraws    bool     `json:"requesterWithdraws,omitempty"`
	RequesterAnswers      bool     `json:"requesterAnswers,omitempty"`
	RequesterSeesComments bool     `json:"requesterSeesComments,omitempty"`
	// PassOnTo are further persons to whom an approver may pass the request on.
	PassOnTo []string `json:"passOnTo,omitempty"`
	// DecidedUntold leaves out the messages to approvers that somebody else has decided.
	DecidedUntold bool `json:"decidedUntold,omitempty"`
}

// Escalation adds approvers at a time.
type Escalation struct {
	At        time.Time  `json:"at"`
	Approvers []Approver `json:"approvers"`
}

// Notification is a message to an approver, a group or a program through a channel.
type Notification struct {
	NotificationID string                    `json:"notificationId"`
	Kind           approval.NotificationKind `json:"kind"`
	// Event is the type of the event, for the kind "event", and the reason, for the kind "requester".
	Event   string `json:"event,omitempty"`
	Channel string `json:"channel"`
	// Approver is missing if the message is for a group or a program, or if no approvers are named.
	Approver  string            `json:"approver,omitempty"`
	State     NotificationState `json:"state"`
	CreatedAt time.Time         `json:"createdAt"`
	SentAt    time.Time         `json:"sentAt,omitzero"`
	// DueAt is when the next attempt may begin; while an attempt runs, when its lease ends.
	DueAt time.Time `json:"dueAt,omitzero"`
	// Attempts is the number of attempts that have begun.
	Attempts int `json:"attempts"`
	// AttemptRunning reports that an attempt has begun and its result is not recorded.
	AttemptRunning bool   `json:"attemptRunning,omitempty"`
	LastError      string `json:"lastError,omitempty"`
}

// Callback is the answer to the workflow.
type Callback struct {
	State CallbackState `json:"state"`
	// PendingSince is when the approval was closed and the answer became due.
	PendingSince time.Time `json:"pendingSince,omitzero"`
	// DueAt is when the next attempt may begin; while an attempt runs, when its lease ends.
	DueAt time.Time `json:"dueAt,omitzero"`
	// Attempts is the number of attempts that have begun.
	Attempts int `json:"attempts"`
	// AttemptRunning reports that an attempt has begun and its result is not recorded.
	AttemptRunning bool `json:"attemptRunning,omitempty"`
	// MaybeApplied reports that an attempt seemed to fail and may have succeeded.
	MaybeApplied bool   `json:"maybeApplied,omitempty"`
	LastError    string `json:"lastError,omitempty"`
	// ReasonCode is the code of the last error, such as "http_503"; "unknown" if an older version recorded it.
	ReasonCode string    `json:"reasonCode,omitempty"`
	EndedAt    time.Time `json:"endedAt,omitzero"`
	// Truth is how the task has ended, as its workflow told afterwards; it is missing if the workflow was not asked.
	Truth approval.Truth `json:"truth,omitempty"`
	// Redrives is the number of times that an operator restarted an exhausted callback.
	Redrives int `json:"redrives,omitempty"`
}

// Event is an entry of an order's history.
type Event struct {
	At         time.Time          `json:"at"`
	Kind       approval.EventKind `json:"kind"`
	ApprovalID string             `json:"approvalId,omitempty"`
	Workflow   string             `json:"workflow,omitempty"`
	// By is the person, source or operator of the act; for "notified", the notified approver.
	By string `json:"by,omitempty"`
	// Principal and Claimed are as in a vote.
	Principal string `json:"principal,omitempty"`
	Claimed   string `json:"claimed,omitempty"`
	// From, To and Until are of the kind "act": the approver whose place was given to others, the approvers that are asked,
	// and the new deadline.
	From    string           `json:"from,omitempty"`
	To      string           `json:"to,omitempty"`
	Until   time.Time        `json:"until,omitzero"`
	Via     approval.Via     `json:"via,omitempty"`
	Source  string           `json:"source,omitempty"`
	Outcome approval.Outcome `json:"outcome,omitempty"`
	// Code is a verdict, the result of an attempt, the state of a callback, or the kind of an act.
	Code    string `json:"code,omitempty"`
	Channel string `json:"channel,omitempty"`
	Target  string `json:"target,omitempty"`
	Note    string `json:"note,omitempty"`
	// ReasonCode is the code of the failure of an attempt, such as "http_503"; Note is its text.
	ReasonCode string `json:"reasonCode,omitempty"`
	Attempt    int    `json:"attempt,omitempty"`
	// Age is the time since the request, or since the notification or the callback became due.
	Age Duration `json:"age,omitzero"`
	// TimeLeft is the time to the deadline when the approval was decided.
	TimeLeft Duration `json:"timeLeft,omitzero"`
}

// CallbackState is the progress of the answer to the workflow.
type CallbackState string

// The states of a callback. All but the first two are final, and an exhausted callback can be redriven.
const (
	CallbackNone       CallbackState = "none" // the approval is pending
	CallbackPending    CallbackState = "pending"
	CallbackDelivered  CallbackState = "delivered"
	CallbackPresumed   CallbackState = "delivered_presumed"
	CallbackUnknown    CallbackState = "unknown" // the workflow no longer waits, and may not have the answer
	CallbackTooLate    CallbackState = "too_late"
	CallbackExhausted  CallbackState = "exhausted"
	CallbackSuperseded CallbackState = "superseded"
)

// NotificationState is the progress of a notification.
type NotificationState string

// The states of a notification.
const (
	NotificationPending   NotificationState = "pending"
	NotificationSent      NotificationState = "sent"
	NotificationExhausted NotificationState = "exhausted"
	NotificationDropped   NotificationState = "dropped" // the approval was closed first
)

// UndeliverablePolicy is the action if no approver can be notified.
type UndeliverablePolicy string

// The actions if no approver can be notified.
const (
	UndeliverableWait     UndeliverablePolicy = "wait" // until the deadline
	UndeliverableEscalate UndeliverablePolicy = "escalate"
	UndeliverableCancel   UndeliverablePolicy = "cancel"
)
