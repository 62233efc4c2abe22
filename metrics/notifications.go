package metrics

import "github.com/approval-relay/approval-relay/approval"

// notificationSeries show the messages to people. As in Alertmanager, a notification and the attempts to send it are
// counted separately, each with a counter of failures.
type notificationSeries struct {
	ended           counter
	exhausted       counter
	attempts        counter
	failedAttempts  counter
	deliverySeconds histogram
	firstSeconds    histogram
	reminders       counter
	escalated       counter
	undeliverable   counter
}

func newNotificationSeries(b *builder, config Config) notificationSeries {
	workflow := b.configuredLabel("workflow", config, func(c Config) []string { return c.Workflows })
	channel := b.configuredLabel("channel", config, func(c Config) []string { return c.Channels })
	return notificationSeries{
		ended: b.newCounter("notifications_total",
			"Notifications that ended: sent, or exhausted.", channel),
		exhausted: b.newCounter("notifications_failed_total",
			"Notifications that were exhausted: all retries were used, or the channel refused them for "+
				"good.", channel),
		attempts: b.newCounter("notification_requests_total",
			"Attempts to send a notification.", channel),
		failedAttempts: b.newCounter("notification_requests_failed_total",
			"Attempts to send a notification that failed.", channel),
		deliverySeconds: b.newHistogram("notification_delivery_seconds",
			"Time from the event that required a notification until it was sent, including retries.", notificationBuckets, channel),
		firstSeconds: b.newHistogram("first_notification_seconds",
			"Time from the request to the first notification that was sent to people.", firstNotificationBuckets, workflow),
		reminders: b.newCounter("reminders_total",
			"Reminders that came due.", workflow),
		escalated: b.newCounter("approvals_escalated_total",
			"Approvals that were escalated to further approvers.", workflow),
		undeliverable: b.newCounter("approvals_undeliverable_total",
			"Approvals whose notifications were all exhausted, or that had none to send, so that the approvers "+
				"do not know about them.", workflow),
	}
}

// countNotification counts the end of a notification, or of an attempt to send it. The last attempt of an exhausted
// notification has an event of its own.
func (m *Metrics) countNotification(e approval.Event, traceID string) {
	if e.Kind == approval.EventNotificationExhausted {
		m.notifications.ended.inc(e.Channel)
		m.notifications.exhausted.inc(e.Channel)
		return
	}
	m.notifications.attempts.inc(e.Channel)
	m.countRetry(approval.ActionNotify, e.Attempt)
	if e.Kind == approval.EventNotificationFailed {
		m.notifications.failedAttempts.inc(e.Channel)
		return
	}
	m.notifications.ended.inc(e.Channel)
	m.notifications.deliverySeconds.observeInTrace(traceID, e.Age, e.Channel)
}
