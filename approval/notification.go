package approval

import (
	"slices"
	"strconv"
	"time"
)

// NotificationKind is what a message to people is about.
type NotificationKind string

// The kinds of notifications.
const (
	NotifyRequest  NotificationKind = "request"
	NotifyReminder NotificationKind = "reminder"
)

// NotificationState is how far a notification has come.
type NotificationState string

// The states of a notification.
const (
	NotificationOwed      NotificationState = "owed"
	NotificationSent      NotificationState = "sent"
	NotificationExhausted NotificationState = "exhausted" // given up
	NotificationDropped   NotificationState = "dropped"   // the approval closed first
)

// Notification is one message to one approver through one channel. Each is
// tried by itself.
type Notification struct {
	ID       string            `json:"id"` // unique, and the same for every attempt
	Kind     NotificationKind  `json:"kind"`
	Channel  string            `json:"channel"`
	Approver string            `json:"approver,omitempty"` // empty where approvers are not named
	State    NotificationState `json:"state"`

	OwedAt    time.Time `json:"owed_at"`
	Due       time.Time `json:"due,omitzero"` // of the next attempt; of the lease's end while one runs
	Attempt   int       `json:"attempt,omitempty"`
	Running   bool      `json:"running,omitempty"` // an attempt has begun, its end is not recorded
	SentAt    time.Time `json:"sent_at,omitzero"`
	LastError string    `json:"last_error,omitempty"`
}

// begun says whether an attempt is under way.
func (n *Notification) begun(now time.Time) bool { return n.Running && n.Due.After(now) }

// notify makes a notification for every channel and every approver that has not
// voted.
func (a *Approval) notify(kind NotificationKind, t Turn) {
	to := a.Approvers
	if len(to) == 0 {
		to = []Approver{{}}
	}
	over := len(a.Notifications) + len(to)*len(a.Channels) - MaxNotifications
	a.Notifications = slices.DeleteFunc(a.Notifications, func(n *Notification) bool {
		gone := over > 0 && n.State != NotificationOwed
		if gone {
			over--
		}
		return gone
	})
	for _, p := range to {
		if a.voted(p.ID) {
			continue
		}
		for _, channel := range a.Channels {
			if len(a.Notifications) >= MaxNotifications {
				return // nobody hears us: that many are owed still
			}
			a.NotificationsMade++
			a.Notifications = append(a.Notifications, &Notification{
				ID: a.ID + "." + strconv.Itoa(a.NotificationsMade), Kind: kind, Channel: channel, Approver: p.ID,
				State: NotificationOwed, OwedAt: t.Now, Due: t.Now,
			})
		}
	}
}

func (a *Approval) voted(approver string) bool {
	for _, v := range a.Votes {
		if approver != "" && samePerson(v.By, approver) {
			return true
		}
	}
	return false
}

// owedNotifications begins the attempts that are due.
func (o *Order) owedNotifications(a *Approval, t Turn) []Action {
	var actions []Action
	for _, n := range a.Notifications {
		if n.State != NotificationOwed || n.Due.After(t.Now) {
			continue
		}
		if a.Status != Pending {
			n.State, n.Running = NotificationDropped, false
			continue
		}
		if n.Attempt > 0 && t.Now.After(n.OwedAt.Add(a.NotifyRetry.Max)) { // whoever tried never said how it ended
			n.LastError = "the end of the attempt was not recorded"
			actions = append(actions, o.giveUp(a, n, a.event(EventNotificationGone, t.Now)))
			continue
		}
		if !t.leases(ActionNotify, n.Channel) {
			continue
		}
		n.Attempt++
		n.Running, n.Due = true, t.Now.Add(t.Lease)
		act := o.action(ActionNotify, a, n.Due)
		act.Notification, act.Attempt, act.Channel = n.ID, n.Attempt, n.Channel
		actions = append(actions, act)
	}
	return actions
}

// Notification returns the notification that an action is about, if its attempt
// is still the one under way.
func (o *Order) Notification(act Action, now time.Time) (*Approval, *Notification) {
	a := o.Find(act.ApprovalID)
	if a == nil || a.Status != Pending {
		return nil, nil
	}
	n := a.notification(act.Notification)
	if n == nil || n.State != NotificationOwed || n.Attempt != act.Attempt || !n.begun(now) {
		return nil, nil
	}
	return a, n
}

func (a *Approval) notification(id string) *Notification {
	for _, n := range a.Notifications {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// Notified records the end of an attempt to notify.
func (o *Order) Notified(act Action, r Result, t Turn) []Action {
	a := o.Find(act.ApprovalID)
	if a == nil {
		return nil
	}
	n := a.notification(act.Notification)
	if n == nil || n.State == NotificationSent || n.State == NotificationExhausted {
		return nil
	}
	e := a.event(EventNotified, t.Now)
	e.Channel, e.By, e.Attempt, e.Age = n.Channel, n.Approver, act.Attempt, t.Now.Sub(n.OwedAt)
	if r.Kind == ResultOK {
		n.State, n.SentAt, n.Running, n.LastError = NotificationSent, t.Now, false, ""
		o.record(e)
		return nil
	}
	if n.Attempt != act.Attempt || !n.Running { // a later attempt is under way, or its end is recorded
		return nil
	}
	n.Running, n.LastError = false, r.Reason
	n.Due = later(a.NotifyRetry.Next(n.Attempt, t.Now, t.Jitter), t.Now.Add(r.After))
	e.Kind, e.Note, e.Code = EventNotificationFailed, r.Reason, string(r.Kind)
	o.record(e)
	tooOld := n.Due.After(n.OwedAt.Add(a.NotifyRetry.Max))
	if a.Status != Pending {
		n.State = NotificationDropped
		return nil
	}
	if r.Kind == ResultFailed && !tooOld {
		return nil
	}
	return []Action{o.giveUp(a, n, e)}
}

// giveUp ends a notification that did not get through.
func (o *Order) giveUp(a *Approval, n *Notification, e Event) Action {
	n.State, n.Running = NotificationExhausted, false
	e.Kind, e.Channel, e.By, e.Attempt, e.Note = EventNotificationGone, n.Channel, n.Approver, n.Attempt, n.LastError
	o.record(e)
	return o.deadLetter(a, "notification by "+n.Channel+" given up: "+n.LastError)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
