package approval

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Request is the content of an approval request. It holds everything that the answer depends on, so that a later
// change of the configuration does not change a running approval.
type Request struct {
	Token    Token  `json:"-"` // the store seals it and keeps it beside the JSON of the record
	Target   string `json:"target"`
	Workflow string `json:"workflow"`
	Step     string `json:"step,omitempty"` // tells the approvals of an order apart
	// State is the name of the workflow's waiting state; empty if unknown. Like Execution, it tells approvals apart.
	State string `json:"state,omitempty"`

	Title     string  `json:"title,omitempty"`
	Details   []Field `json:"details,omitempty"`
	Execution string  `json:"execution,omitempty"` // the workflow's own ID of its run; empty if unknown
	Requester string  `json:"requester,omitempty"` // the person behind the request, who may not decide
	// Trace is the W3C traceparent of the span that handled the request, or empty without tracing. Later
	// actions join that trace, also hours later and in another process.
	Trace string `json:"trace,omitempty"`

	// Approvers may decide. An empty list means that approvers are not named: every holder of a link and every source
	// may decide, and links do not name an approver.
	Approvers []Approver `json:"approvers,omitempty"`
	Policy    Policy     `json:"policy"`
	// MinAssurance is the minimum assurance of a person's decision.
	MinAssurance Assurance `json:"min_assurance,omitempty"`
	// Sources are the names of the sources that may decide. If the list is empty, all configured sources may, unless
	// SourcesRequired is set. NoSource alone means that none may.
	Sources []string `json:"sources,omitempty"`
	// SourcesRequired limits the webhooks and topics that may decide to Sources, also if Sources is empty. It is set once
	// any workflow of the configuration names sources.
	SourcesRequired bool `json:"sources_required,omitempty"`
	// Asker is the principal that sent the request, such as "api:shop". It is empty for a request from a queue.
	Asker string `json:"asker,omitempty"`
	// AskerMayDecide lets the program that sent the request also decide it.
	AskerMayDecide bool `json:"asker_may_decide,omitempty"`

	// Channels notify each approver; all of them are used. When the notification of an approver through one of them is
	// exhausted, the next of FallbackChannels is tried.
	Channels         []string `json:"channels,omitempty"`
	FallbackChannels []string `json:"fallback,omitempty"`
	// GroupChannels are the channels, among Channels and FallbackChannels, that a group of people reads. They get a
	// single message for all approvers.
	GroupChannels []string `json:"rooms,omitempty"`
	// ProgramChannels notify programs of events.
	ProgramChannels []string     `json:"events,omitempty"`
	Reminders       []time.Time  `json:"reminders,omitempty"`   // in order
	Escalations     []Escalation `json:"escalations,omitempty"` // in order
	// OnUndeliverable applies when the approval is undeliverable. The empty policy is UndeliverableWait.
	OnUndeliverable UndeliverablePolicy `json:"unheard,omitempty"`

	// StateEnteredAt is when the workflow entered the waiting state, as the request states it; zero if unknown. It stays
	// the same when the state is retried.
	StateEnteredAt time.Time `json:"entered_at,omitzero"`
	// RetryCount and RedriveCount are how often the workflow has retried the state, and redriven the execution, before
	// this attempt; zero if unknown.
	RetryCount   int `json:"retry_count,omitempty"`
	RedriveCount int `json:"redrive_count,omitempty"`
	// AttemptStartedAt is when this attempt of the state began to wait: when its message was sent, kept through redrives.
	// The deadline, the end of the task and the first heartbeat count from it. It is zero if unknown.
	AttemptStartedAt time.Time `json:"asked_at,omitzero"`
	// ReadingNotes state what of the message was not used, and why. The history has them.
	ReadingNotes []string `json:"-"`
	// Deadline is when the approval times out.
	Deadline time.Time `json:"deadline"`
	// TaskExpires is when the workflow itself stops waiting; zero if unknown. The callback is not retried after it.
	TaskExpires time.Time `json:"task_expires,omitzero"`
	// HeartbeatInterval is the time between two heartbeats to the target. Zero means that it gets none.
	HeartbeatInterval time.Duration `json:"heartbeat,omitempty"`
	// HeartbeatTimeout is the time without a heartbeat after which the workflow itself ends the task. Zero means that it
	// is unknown: it is then taken to be HeartbeatInterval, because a shorter time would end every task.
	HeartbeatTimeout time.Duration `json:"heartbeat_timeout,omitempty"`
	// CanProbe reports whether a heartbeat to the target tells if the task is still open.
	CanProbe bool `json:"can_probe,omitempty"`

	DecisionRules
	RequesterRules

	RejectAsSuccess bool   `json:"reject_as_success,omitempty"`
	Output          Output `json:"output,omitempty"` // added to the answer

	CallbackRetry     RetrySchedule `json:"callback_retry"`
	NotificationRetry RetrySchedule `json:"notify_retry"`
	Retention         time.Duration `json:"retention"` // from closing to removal, see removalTime
}

// Escalation adds approvers at a time, if the approval is still pending then. Earlier approvers may still decide.
type Escalation struct {
	At        time.Time  `json:"at"`
	Approvers []Approver `json:"approvers"`
}

// UndeliverablePolicy determines how an undeliverable approval continues. An approval is undeliverable when every
// notification to approvers has failed, or if there is none to send and no program knows of it either.
type UndeliverablePolicy string

// The policies for undeliverable approvals. The metrics count undeliverable approvals under every policy.
const (
	UndeliverableWait     UndeliverablePolicy = "wait"     // keep it pending until the deadline
	UndeliverableEscalate UndeliverablePolicy = "escalate" // run the next escalation at once
	UndeliverableCancel   UndeliverablePolicy = "cancel"   // cancel it, so that the workflow continues at once
)

// Output is added to the answer. When it is read from a record, its numbers stay as they were written: an order
// number of 19 digits is not rounded to a float64.
type Output map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (o *Output) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	*o = m
	return nil
}

// allApprovers lists the approvers of a request, with the approvers of its escalations.
func (r *Request) allApprovers() []Approver {
	all := slices.Clip(r.Approvers)
	for _, e := range r.Escalations {
		all = append(all, e.Approvers...)
	}
	return all
}

// AddRequest records an approval request. It returns the ID of the approval and the actions that are due. A request
// that is delivered again changes nothing. A pending approval of the same question may be an older attempt of the same
// state that has ended: its target is asked, and it is superseded if its task is closed. If a newer attempt has overtaken
// the request on its way, this happens to the request instead, before its approvers are notified. If the target cannot
// be asked, the older attempt is superseded at once. The unmatched decisions that only the new approval
// admits are applied to it.
//
// The error is Permanent and names the field at fault, or an OrderFullError, which a retry can cure. The order is then
// unchanged.
func (o *Order) AddRequest(r Request, env Environment) (string, []Action, error) {
	if err := r.normalize(); err != nil {
		return "", nil, err
	}
	if err := o.validateRequest(r); err != nil {
		return "", nil, err
	}
	id := idForToken(o.ID, r.Step, r.Token)
	if known := o.FindApproval(id); known != nil {
		o.recordEvent(known.newEvent(EventRequestRepeated, env.Now))
		return id, o.startDueActions(known, env), nil
	}
	if len(o.Approvals) >= MaxApprovals {
		return "", nil, OrderFull("it has %d approvals; a closed approval is removed when its retention ends", MaxApprovals)
	}
	r.fitTexts(o.newTextLimit(minDetails))
	if r.RequestDigest == "" && len(r.Edits) > 0 {
		r.RequestDigest = r.digestPayload()
	}
	return id, o.openApproval(id, r, env), nil
}

// NoSource stands alone in Request.Sources if no source may decide.
const NoSource = "none"

// normalize removes the requester and repeated IDs from the approvers, sorts the reminders and escalations by time, and
// sets the default policy for an undeliverable approval.
func (r *Request) normalize() error {
	named := len(r.Approvers)
	r.Approvers = distinctApprovers(r.Approvers, r.Requester)
	if named > 0 && len(r.Approvers) == 0 { // an empty list would let everybody decide
		return InvalidField("approvers", "name only the requester, who may not decide")
	}
	r.OnUndeliverable = cmp.Or(r.OnUndeliverable, UndeliverableWait)
	r.Reminders = sortedByTime(r.Reminders, func(at time.Time) time.Time { return at })
	r.Escalations = sortedByTime(r.Escalations, func(e Escalation) time.Time { return e.At })
	return nil
}

// sortedByTime returns a copy that is sorted by time. Elements of the same time keep their order.
func sortedByTime[T any](list []T, timeOf func(T) time.Time) []T {
	if len(list) == 0 {
		return nil
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b T) int { return timeOf(a).Compare(timeOf(b)) })
	return sorted
}

// openApproval adds a new approval to the order. The approval may close at once: by its own deadline, by a newer
// attempt, or by an unmatched decision.
func (o *Order) openApproval(id string, r Request, env Environment) []Action {
	a := &Approval{
		ID:          id,
		Request:     r,
		Status:      Pending,
		RequestedAt: env.Now,
	}
	a.notifyPrograms(ProgramEventRequested, env)
	a.HeartbeatDue = r.firstHeartbeat(env.Now)
	a.keepStartOfTask()
	actions := o.expireOverdue(env)
	// What waits because of the approvals so far is judged before the request: it may be about one that has just closed.
	actions = append(actions, o.judgeClosed(env)...)
	o.Approvals = append(o.Approvals, a)
	o.adds = true
	round := o.beginRound(a)
	o.newTexts = append(o.newTexts, func() { a.Details = fitDetails(a.Details, minDetails) })
	e := a.newEvent(EventRequested, env.Now)
	e.By = a.Requester
	e.Principal = a.Asker
	o.recordEvent(e)
	notes := r.ReadingNotes
	if a.HasAnonymousLinks() {
		notes = append(slices.Clip(notes), "the links name nobody, so they do not decide: the requester is known and may hold one")
	}
	if round != "" {
		notes = append(slices.Clip(notes), round)
	}
	for _, note := range notes {
		e := a.newEvent(EventReadingNote, env.Now)
		e.Note = truncate(note, maxReason)
		o.recordEvent(e)
	}
	actions = append(actions, o.supersedeOlder(a, env)...)
	actions = append(actions, o.expireOverdue(env)...) // the request may arrive after its own deadline
	actions = append(actions, o.judgeWaiting(env)...)
	if a.Status == Pending && !a.Probe.Holding {
		actions = append(actions, o.askApprovers(a, env)...)
	}
	actions = append(actions, o.startHeartbeat(a, env)...)
	return append(actions, o.startDueActions(a, env)...)
}
