package approval

import (
	"slices"
	"strconv"
	"time"
)

// NotificationKind is what a message to people is about.
type NotificationKind string

// The kinds of notifications. The first three are messages to people, and are
// dropped when the approval closes.
const (
	NotifyRequest    NotificationKind = "request"
	NotifyReminder   NotificationKind = "reminder"
	NotifyEscalation NotificationKind = "escalation"
	// NotifyOutcome edits a message that was sent: it says how the approval ended,
	// and takes its buttons away.
	NotifyOutcome NotificationKind = "outcome"
	// NotifyEvent tells a program what has happened.
	NotifyEvent NotificationKind = "event"
)

func (k NotificationKind) isForPeople() bool { return k != NotifyOutcome && k != NotifyEvent }

// ProgramEventRequested is the first that programs are told of; the others are "approval." and a status,
// decided for approved and rejected, and "callback." and how it ended.
const ProgramEventRequested = "approval.requested"

func closedEventName(s Status) string {
	if s == Approved || s == Rejected {
		return "approval.decided"
	}
	return "approval." + string(s)
}

func callbackEventName(s CallbackState) string { return "callback." + string(s) }

// NotificationState is how far a notification has come.
type NotificationState string

// The states of a notification.
const (
	NotificationPending   NotificationState = "owed"
	NotificationSent      NotificationState = "sent"
	NotificationExhausted NotificationState = "exhausted" // given up
	NotificationDropped   NotificationState = "dropped"   // the approval closed first
)

// Notification is one message to one approver, room or program through one
// channel. Each is tried by itself.
type Notification struct {
	ID           string            `json:"id"` // unique, and the same for every attempt
	Kind         NotificationKind  `json:"kind"`
	Event        string            `json:"event,omitempty"` // of NotifyEvent: what has happened
	Channel      string            `json:"channel"`
	Approver     string            `json:"approver,omitempty"` // empty for rooms and programs, and where approvers are not named
	State        NotificationState `json:"state"`
	Round        int               `json:"round,omitempty"`    // those of one request, reminder or escalation have the same
	NextFallback int               `json:"fallback,omitempty"` // which of the fallback channels is next
	// Receipt is what the channel needs to edit the message, if it can.
	Receipt string `json:"receipt,omitempty"`

	CreatedAt      time.Time `json:"owed_at"`
	Due            time.Time `json:"due,omitzero"` // of the next attempt; of the lease's end while one runs
	Attempts       int       `json:"attempt,omitempty"`
	AttemptRunning bool      `json:"running,omitempty"` // an attempt has begun, its end is not recorded
	SentAt         time.Time `json:"sent_at,omitzero"`
	LastError      string    `json:"last_error,omitempty"`
}

// isUnderWay says whether an attempt is under way.
func (n *Notification) isUnderWay(now time.Time) bool { return n.AttemptRunning && n.Due.After(now) }

// notifyApprovers makes a round of notifications: for every one of those approvers who has
// not voted, by every channel of theirs.
func (a *Approval) notifyApprovers(kind NotificationKind, to []Approver, env Environment) {
	if len(to) == 0 {
		to = []Approver{{}}
	}
	a.NotificationRounds++
	for _, p := range to {
		if a.hasSeatVoted(p) {
			continue
		}
		channels := p.Channels
		if len(channels) == 0 {
			channels = a.Channels
		}
		for _, channel := range channels {
			a.queueMessage(Notification{
				Kind:     kind,
				Channel:  channel,
				Approver: p.ID,
				Round:    a.NotificationRounds,
			}, env)
		}
	}
}

// queueMessage owes a message to a person, or to the room that the channel is: there it
// is said once a round. It returns whether it is a new one.
func (a *Approval) queueMessage(n Notification, env Environment) bool {
	if slices.Contains(a.GroupChannels, n.Channel) {
		n.Approver = ""
	}
	for _, m := range a.Notifications {
		if m.Round == n.Round && m.Channel == n.Channel && m.Approver == n.Approver {
			return false
		}
	}
	a.queueNotification(n, MaxNotifications, env)
	return true
}

// notifyPrograms tells programs what has happened.
func (a *Approval) notifyPrograms(event string, env Environment) {
	for _, channel := range a.ProgramChannels {
		a.queueNotification(Notification{Kind: NotifyEvent, Event: event, Channel: channel}, MaxNotifications+maxProgramNotifications, env)
	}
}

// maxProgramNotifications is the room that programs have beyond what people leave them.
const maxProgramNotifications = 50

// queueOutcomeEdits owes every message that can be edited its last edit.
func (a *Approval) queueOutcomeEdits(env Environment) {
	for _, n := range slices.Clone(a.Notifications) {
		if n.Kind.isForPeople() && n.Receipt != "" {
			edit := Notification{
				Kind:     NotifyOutcome,
				Channel:  n.Channel,
				Approver: n.Approver,
				Receipt:  n.Receipt,
			}
			n.Receipt = ""
			a.queueNotification(edit, MaxNotifications+maxProgramNotifications, env)
		}
	}
}

// queueNotification owes a notification. Where there are as many as there may be, the oldest
// that has ended makes room; where none has, nobody hears us, and it is left out.
func (a *Approval) queueNotification(n Notification, limit int, env Environment) {
	if len(a.Notifications) >= limit {
		i := slices.IndexFunc(a.Notifications, func(n *Notification) bool { return n.State != NotificationPending && n.Receipt == "" })
		if i < 0 {
			return
		}
		a.Notifications = slices.Delete(a.Notifications, i, i+1)
	}
	a.NotificationsMade++
	n.ID, n.State, n.CreatedAt, n.Due = a.ID+"."+strconv.Itoa(a.NotificationsMade), NotificationPending, env.Now, env.Now
	a.Notifications = append(a.Notifications, &n)
}

// hasSeatVoted says whether the approver's place is filled.
func (a *Approval) hasSeatVoted(p Approver) bool {
	return p.ID != "" && slices.ContainsFunc(a.Votes, func(v Vote) bool { return findApprover(a.Approvers, v.By).seat() == p.seat() })
}

// startNotifications begins the attempts that are due, and gives up those that
// are too old.
func (o *Order) startNotifications(a *Approval, env Environment) []Action {
	var actions []Action
	var lost []*Notification
	for _, n := range a.Notifications {
		if n.State != NotificationPending || n.Due.After(env.Now) {
			continue
		}
		if n.Kind.isForPeople() && a.Status != Pending {
			n.State, n.AttemptRunning = NotificationDropped, false
			continue
		}
		if n.Attempts > 0 && env.Now.After(n.CreatedAt.Add(a.NotificationRetry.MaxAge)) { // whoever tried never said how it ended
			n.LastError = "the end of the attempt was not recorded"
			lost = append(lost, n)
			continue
		}
		if !env.canStart(ActionNotify, n.Channel) {
			continue
		}
		n.Attempts++
		n.AttemptRunning, n.Due = true, env.Now.Add(env.Lease)
		act := o.newAction(ActionNotify, a, n.Due)
		act.Notification, act.Attempt, act.Channel = n.ID, n.Attempts, n.Channel
		actions = append(actions, act)
	}
	for _, n := range lost {
		actions = append(actions, o.exhaustNotification(a, n, a.newEvent(EventNotificationExhausted, env.Now), env)...)
	}
	return actions
}

// CurrentNotification returns the notification that an action is about, if its attempt
// is still the one under way.
func (o *Order) CurrentNotification(act Action, now time.Time) (*Approval, *Notification) {
	a := o.FindApproval(act.ApprovalID)
	if a == nil {
		return nil, nil
	}
	n := a.findNotification(act.Notification)
	if n == nil || n.State != NotificationPending || n.Attempts != act.Attempt || !n.isUnderWay(now) || (n.Kind.isForPeople() && a.Status != Pending) {
		return nil, nil
	}
	return a, n
}

func (a *Approval) findNotification(id string) *Notification {
	for _, n := range a.Notifications {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// RecordNotificationResult records the end of an attempt to notify.
func (o *Order) RecordNotificationResult(act Action, r Result, env Environment) []Action {
	a := o.FindApproval(act.ApprovalID)
	if a == nil {
		return nil
	}
	n := a.findNotification(act.Notification)
	if n == nil || n.State == NotificationSent || n.State == NotificationExhausted {
		return nil
	}
	if r.Kind == ResultOK {
		return o.recordSent(a, n, act, r, env)
	}
	if n.Attempts != act.Attempt || !n.AttemptRunning { // a later attempt is under way, or its end is recorded
		return nil
	}
	n.AttemptRunning, n.LastError = false, r.Reason
	n.Due = laterOf(a.NotificationRetry.NextAttempt(n.Attempts, env.Now, env.Jitter), env.Now.Add(r.After))
	e := a.newEvent(EventNotificationFailed, env.Now)
	e.Channel, e.By, e.Attempt, e.Note, e.Code = n.Channel, n.Approver, act.Attempt, r.Reason, string(r.Kind)
	o.recordEvent(e)
	if n.Kind.isForPeople() && a.Status != Pending {
		n.State = NotificationDropped
		return nil
	}
	if r.Kind == ResultFailed && !n.Due.After(n.CreatedAt.Add(a.NotificationRetry.MaxAge)) {
		return nil
	}
	return o.exhaustNotification(a, n, e, env)
}

// recordSent records that a message went out. One that can be edited, and went out
// when all was over, is edited at once.
func (o *Order) recordSent(a *Approval, n *Notification, act Action, r Result, env Environment) []Action {
	n.State, n.SentAt, n.AttemptRunning, n.LastError = NotificationSent, env.Now, false, ""
	if n.Kind.isForPeople() {
		a.Undeliverable = false
		if a.FirstNotifiedAt.IsZero() {
			a.FirstNotifiedAt = env.Now
			first := a.newEvent(EventFirstNotified, env.Now)
			first.Age = env.Now.Sub(a.RequestedAt)
			o.recordEvent(first)
		}
		if len(r.Receipt) <= maxReceipt {
			n.Receipt = r.Receipt
		}
	}
	e := a.newEvent(EventNotified, env.Now)
	e.Channel, e.By, e.Attempt, e.Age = n.Channel, n.Approver, act.Attempt, env.Now.Sub(n.CreatedAt)
	o.recordEvent(e)
	if a.Status == Pending {
		return nil
	}
	a.queueOutcomeEdits(env)
	return o.startNotifications(a, env)
}

// maxReceipt bounds what a channel may want to be told again, in bytes.
const maxReceipt = 512

// exhaustNotification ends a notification that did not get through. People are then told by
// the next of the channels to fall back on.
func (o *Order) exhaustNotification(a *Approval, n *Notification, e Event, env Environment) []Action {
	n.State, n.AttemptRunning = NotificationExhausted, false
	e.Kind, e.Channel, e.By, e.Attempt, e.Note = EventNotificationExhausted, n.Channel, n.Approver, n.Attempts, n.LastError
	o.recordEvent(e)
	actions := []Action{o.newDeadLetter(a, "notification by "+n.Channel+" given up: "+n.LastError)}
	if !n.Kind.isForPeople() || a.Status != Pending {
		return actions
	}
	to := []Approver{findApprover(a.Approvers, n.Approver)}
	if n.Approver == "" && len(a.Approvers) > 0 { // a room: now each by themselves
		to = a.Approvers
	}
	for _, p := range to {
		a.queueFallback(p, n, env)
	}
	actions = append(actions, o.handleUndeliverable(a, env)...)
	return append(actions, o.startNotifications(a, env)...)
}

// queueFallback tells an approver by the next channel that has not been tried.
func (a *Approval) queueFallback(p Approver, n *Notification, env Environment) {
	channels := p.FallbackChannels
	if len(channels) == 0 {
		channels = a.FallbackChannels
	}
	for i := n.NextFallback; i < len(channels) && !a.hasSeatVoted(p); i++ {
		if a.queueMessage(Notification{
			Kind:         n.Kind,
			Channel:      channels[i],
			Approver:     p.ID,
			Round:        n.Round,
			NextFallback: i + 1,
		}, env) {
			return
		}
	}
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlierOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
