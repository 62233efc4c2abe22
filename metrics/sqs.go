package metrics

import "time"

// sqsSeries is what can be seen of the SQS subscriber. Every request to SQS
// costs, so calls for each message are a figure worth keeping.
type sqsSeries struct {
	receives, empty, receiveErrors, received       counter
	deletes, deleted, deleteFailed                 counter
	extensions, visibilityErrors, returned, broken counter
	unread                                         counter
	inFlight, depth                                gauge
	age                                            histogram
}

func newSQSSeries(b *builder, queue label) sqsSeries {
	return sqsSeries{
		receives:         b.counter("sqs_receives_total", "Receive calls, long polls that came back empty included.", queue),
		empty:            b.counter("sqs_empty_receives_total", "Receive calls that brought nothing.", queue),
		receiveErrors:    b.counter("sqs_receive_errors_total", "Receive calls that failed.", queue),
		received:         b.counter("sqs_messages_received_total", "Messages received, redeliveries included.", queue),
		age:              b.histogram("sqs_message_age_seconds", "From when a message was sent to when it was received.", toArrive, queue),
		inFlight:         b.gauge("sqs_in_flight", "Messages received that have not been ended.", queue),
		deletes:          b.counter("sqs_deletes_total", "Delete calls, of up to ten messages each.", queue),
		deleted:          b.counter("sqs_messages_deleted_total", "Messages deleted, because they were handled.", queue),
		deleteFailed:     b.counter("sqs_delete_failures_total", "Messages that could not be deleted; they are handed over again.", queue),
		extensions:       b.counter("sqs_visibility_extensions_total", "Visibility time-outs extended because a handler still works.", queue),
		visibilityErrors: b.counter("sqs_visibility_errors_total", "Changes of a visibility time-out that failed.", queue),
		returned:         b.counter("sqs_messages_returned_total", "Messages given back to the queue, to be handed over again after their back-off.", queue),
		depth:            b.gauge("sqs_queue_messages", "Messages in the queue as SQS counts them (about, every five minutes): visible, in_flight (of all workers; about 120,000 are the most) and delayed.", queue, label{"state", []string{"visible", "in_flight", "delayed"}}),
		unread:           b.counter("sqs_queue_read_errors_total", "Reads of how many messages are in the queue that failed.", queue),
		broken:           b.counter("sqs_messages_undecodable_total", "Messages that could not be read.", queue),
	}
}

// SQS returns what can happen to the subscriber of one queue.
func (m *Metrics) SQS(queue string) *SQSMetrics { return &SQSMetrics{m: &m.sqs, queue: queue} }

// SQSMetrics counts what happens to the subscriber of one queue.
type SQSMetrics struct {
	m     *sqsSeries
	queue string
}

// Received counts a receive call that answered, and the messages it brought.
func (q *SQSMetrics) Received(messages int) {
	q.m.receives.inc(q.queue)
	if messages == 0 {
		q.m.empty.inc(q.queue)
	}
	q.m.received.add(messages, q.queue)
}

// ReceiveFailed counts a receive call that failed.
func (q *SQSMetrics) ReceiveFailed() {
	q.m.receives.inc(q.queue)
	q.m.receiveErrors.inc(q.queue)
}

// Age observes how old a message was when it was received.
func (q *SQSMetrics) Age(age time.Duration) { q.m.age.since(age, q.queue) }

// InFlight adds to the messages that have not been ended, or takes from them.
func (q *SQSMetrics) InFlight(delta int) { q.m.inFlight.add(delta, q.queue) }

// Depth sets how many messages are in the queue.
func (q *SQSMetrics) Depth(visible, inFlight, delayed int) {
	q.m.depth.set(float64(visible), q.queue, "visible")
	q.m.depth.set(float64(inFlight), q.queue, "in_flight")
	q.m.depth.set(float64(delayed), q.queue, "delayed")
}

// DepthUnread counts a read of how many messages are in the queue that failed.
func (q *SQSMetrics) DepthUnread() { q.m.unread.inc(q.queue) }

// Deleted counts a delete call and the messages that it deleted.
func (q *SQSMetrics) Deleted(messages int) {
	q.m.deletes.inc(q.queue)
	q.m.deleted.add(messages, q.queue)
}

// DeleteFailed counts messages that a delete call could not delete.
func (q *SQSMetrics) DeleteFailed(messages int) { q.m.deleteFailed.add(messages, q.queue) }

// Extended counts the extension of a visibility time-out.
func (q *SQSMetrics) Extended() { q.m.extensions.inc(q.queue) }

// VisibilityFailed counts a change of a visibility time-out that failed.
func (q *SQSMetrics) VisibilityFailed() { q.m.visibilityErrors.inc(q.queue) }

// Returned counts a message that was given back with its back-off.
func (q *SQSMetrics) Returned() { q.m.returned.inc(q.queue) }

// Undecodable counts a message that could not be read.
func (q *SQSMetrics) Undecodable() { q.m.broken.inc(q.queue) }
