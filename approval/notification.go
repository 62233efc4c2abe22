package approval

import (
	"slices"
	"strconv"
	"time"
)

// NotificationKind names a kind of message.
type NotificationKind string

// The kinds of notifications. The first four are messages to approvers; they are dropped when the approval closes.
const (
	NotifyRequest    NotificationKind = "request"
	NotifyReminder   NotificationKind = "reminder"
	NotifyEscalation NotificationKind = "escalation"
	NotifyAnswer     NotificationKind = "answer" // the requester has answered a question
	// NotifyDecided tells an approver who was asked that somebody else has decided, where the message cannot be edited.
	NotifyDecided NotificationKind = "decided"
	// NotifyRequester tells the requester what has happened; Event has the reason, such as RequesterDecided.
	NotifyRequester NotificationKind = "requester"
	// NotifyOutcome edits a message that was sent: it shows the outcome of the approval and removes the buttons.
	NotifyOutcome NotificationKind = "outcome"
	// NotifyEvent notifies a program of an event.
	NotifyEvent NotificationKind = "event"
	// NotifyUpdate edits a message that was sent, while the approval is pending: it shows the votes so far, and the request
	// in its present state.
	NotifyUpdate NotificationKind = "update"
)

// isForPeople reports whether a message asks approvers to decide.
func (k NotificationKind) isForPeople() bool {
	return k == NotifyRequest || k == NotifyReminder || k == NotifyEscalation || k == NotifyAnswer
}

// endsWithApproval reports whether the message is useless once the approval is closed.
func (k NotificationKind) endsWithApproval() bool { return k.isForPeople() || k == NotifyUpdate }

// ProgramEventRequested is the name of the first event that programs get about an approval. When the approval closes,
// they get "approval.decided" for approved, rejected and returned, otherwise "approval." with the status. When its callback
// ends, they get "callback." with the outcome.
const ProgramEventRequested = "approval.requested"

// ProgramEventProposed is the name of the event that tells operators of a proposal.
const ProgramEventProposed = "approval.proposed"

func closedEventName(s Status) string {
	if s.outcome() != "" {
		return "approval.decided"
	}
	return "approval." + string(s)
}

func callbackEventName(s CallbackState) string { return "callback." + string(s) }

// NotificationState is the state of a notification.
type NotificationState string

// The states of a notification.
const (
	NotificationPending   NotificationState = "owed"
	NotificationSent      NotificationState = "sent"
	NotificationExhausted NotificationState = "exhausted" // all retries were used, or the channel refused it for good
	NotificationDropped   NotificationState = "dropped"   // the approval closed first
)

// Notification is a message through a channel, to an approver, a group or a program. Each notification has its own
// attempts.
type Notification struct {
	ID       string            `json:"id"` // unique, and the same for every attempt
	Kind     NotificationKind  `json:"kind"`
	Event    string            `json:"event,omitempty"` // the name of the event, for NotifyEvent
	Channel  string            `json:"channel"`
	Approver string            `json:"approver,omitempty"` // empty for groups and programs, and if approvers are not named
	State    NotificationState `json:"state"`
	// Round is the number of the round: all notifications of the same request, reminder or escalation have the same
	// number. It is 0 for edits and for programs.
	Round int `json:"round,omitempty"`
	// NextFallback is the index of the next fallback channel to try.
	NextFallback int `json:"fallback,omitempty"`
	// Receipt identifies the message for editing it later. Not every channel has receipts. An edit has the receipt of the
	// message that it edits.
	Receipt string `json:"receipt,omitempty"`
	// Outdated is set for an update if something has changed since its running attempt began.
	Outdated bool `json:"outdated,omitempty"`

	CreatedAt time.Time `json:"owed_at"`
	// Due is when the next attempt may start. While an attempt runs, it is the end of its lease. It is zero once the message
	// was sent or given up.
	Due            time.Time `json:"due,omitzero"`
	Attempts       int       `json:"attempt,omitempty"`
	AttemptRunning bool      `json:"running,omitempty"` // an attempt was started and has no recorded result
	// HeldSince is when an attempt was first held back in this process; zero after an attempt that was made.
	HeldSince time.Time `json:"held_since,omitzero"`
	Pause     Pause     `json:"pause,omitzero"`
	SentAt    time.Time `json:"sent_at,omitzero"`
	LastError string    `json:"last_error,omitempty"`
}

// isUnderWay reports whether an attempt runs and its lease has not ended.
func (n *Notification) isUnderWay(now time.Time) bool { return n.AttemptRunning && n.Due.After(now) }

// notifyApprovers queues a round of notifications: to each approver without a vote, through every channel of that
// approver. An empty list means that approvers are not named.
func (a *Approval) notifyApprovers(kind NotificationKind, approvers []Approver, env Environment) {
	if len(approvers) == 0 {
		approvers = []Approver{{}}
	}
	a.NotificationRounds++
	for _, p := range approvers {
		if p.Declined || a.hasSeatVoted(p) {
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

// hasSeatVoted reports whether there is a vote on the approver's seat. A void vote does not count.
func (a *Approval) hasSeatVoted(p Approver) bool {
	return p.ID != "" && slices.ContainsFunc(a.Votes, func(v Vote) bool {
		return !v.Void && findApprover(a.Approvers, v.By).seat() == p.seat()
	})
}

// queueMessage queues a message to an approver, or to the group that reads the channel. A group gets a single message
// in each round. It reports whether the message is new in its round.
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

// notifyPrograms queues a notification of an event for every program channel.
func (a *Approval) notifyPrograms(event string, env Environment) {
	a.sendEvent(event, a.ProgramChannels, env)
}

func (a *Approval) sendEvent(event string, channels []string, env Environment) {
	for _, channel := range channels {
		n := Notification{Kind: NotifyEvent, Event: event, Channel: channel}
		a.queueNotification(n, MaxNotifications+reservedNotifications, env)
	}
}

// reservedNotifications is the number of additional notifications, beyond MaxNotifications, for programs and edits
// only. Many messages to people therefore cannot keep a program from its events.
const reservedNotifications = 50

// queueOutcomeEdits queues an edit of every sent message that can be edited. Each message is edited once: the edit
// takes over its receipt.
func (a *Approval) queueOutcomeEdits(env Environment) {
	for _, n := range slices.Clone(a.Notifications) {
		if n.Kind.isForPeople() && n.Receipt != "" {
			a.queueEdit(NotifyOutcome, n, env)
			n.Receipt = ""
		}
	}
}

// queueEdit queues an edit of a message.
func (a *Approval) queueEdit(kind NotificationKind, message *Notification, env Environment) {
	a.queueNotification(Notification{
		Kind:     kind,
		Channel:  message.Channel,
		Approver: message.Approver,
		Receipt:  message.Receipt,
	}, MaxNotifications+reservedNotifications, env)
}

// queueNotification queues a notification. At the limit it removes the oldest finished notification that will not be
// edited. If there is none, a message to people takes the place of the oldest that was sent, whose edit is then left out:
// to ask an approver matters more. Any other notification is left out.
func (a *Approval) queueNotification(n Notification, limit int, env Environment) {
	if len(a.Notifications) >= limit {
		i := slices.IndexFunc(a.Notifications, func(n *Notification) bool {
			return n.State != NotificationPending && n.Receipt == ""
		})
		if i < 0 && n.Kind.isForPeople() {
			i = slices.IndexFunc(a.Notifications, func(n *Notification) bool { return n.State == NotificationSent })
		}
		if i < 0 {
			return
		}
		a.Notifications = slices.Delete(a.Notifications, i, i+1)
	}
	a.NotificationsMade++
	n.ID = a.ID + "." + strconv.Itoa(a.NotificationsMade)
	n.State = NotificationPending
	n.CreatedAt = env.Now
	n.Due = env.Now
	a.Notifications = append(a.Notifications, &n)
}
