package advice

import "github.com/approval-relay/approval-relay/approval"

// Progress is how far the approvers of an approval are notified.
type Progress int

// The steps of the progress.
const (
	Untold        Progress = iota // there was nobody to notify, or nothing has begun yet
	Undeliverable                 // no notification was or will be sent
	Failing                       // none was sent, and an attempt has failed
	BeingNotified                 // none was sent, and none has failed
	SomeFailing                   // some were sent, and others fail
	Notified
)

// ProgressOf returns how far the approvers are notified, and a notification that fails, or nil.
func ProgressOf(a *approval.Approval) (progress Progress, failing *approval.Notification) {
	var sent, pending, exhausted int
	for _, n := range a.Notifications {
		switch {
		case n.Kind == approval.NotifyOutcome, n.Kind == approval.NotifyUpdate, n.Kind == approval.NotifyEvent:
		case n.State == approval.NotificationSent:
			sent++
		case n.State == approval.NotificationExhausted:
			exhausted++
			failing = n
		case n.State == approval.NotificationPending:
			pending++
			if n.LastError != "" {
				failing = n
			}
		}
	}
	switch {
	case a.Undeliverable, sent == 0 && pending == 0 && exhausted > 0:
		return Undeliverable, failing
	case sent == 0 && pending == 0:
		return Untold, failing
	case sent == 0 && failing != nil:
		return Failing, failing
	case sent == 0:
		return BeingNotified, nil
	case failing != nil:
		return SomeFailing, failing
	}
	return Notified, nil
}
