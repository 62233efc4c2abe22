package metrics

import "time"

// sqsSeries show the SQS subscribers. Every request to SQS costs, so the calls for each message are worth watching.
type sqsSeries struct {
	receives         counter
	emptyReceives    counter
	failedReceives   counter
	receiving        gauge
	received         counter
	ageSeconds       histogram
	inFlight         gauge
	deletes          counter
	deleted          counter
	failedDeletes    counter
	extensions       counter
	failedVisibility counter
	returned         counter
	depth            gauge
	failedReads      counter
	undecodable      counter
}

func newSQSSeries(b *builder, config Config) sqsSeries {
	queue := label{name: "queue", values: config.Queues}
	state := label{name: "state", values: []string{"visible", "in_flight", "delayed"}}
	return sqsSeries{
		receives: b.newCounter("sqs_receives_total",
			"Receive calls, including long polls that returned no message.", queue),
		emptyReceives: b.newCounter("sqs_empty_receives_total",
			"Receive calls that returned no message.", queue),
		failedReceives: b.newCounter("sqs_receive_errors_total",
			"Receive calls that failed, and attempts to find a queue that cannot be used at the start.", queue),
		receiving: b.newGauge("sqs_receiving",
			"Whether the last receive call succeeded. 0 from the start until then, and while the queue cannot be used.", queue),
		received: b.newCounter("sqs_messages_received_total",
			"Messages received, including redeliveries.", queue),
		ageSeconds: b.newHistogram("sqs_message_age_seconds",
			"Time from the sending of a message until it was received.", ageBuckets, queue),
		inFlight: b.newGauge("sqs_messages_in_flight",
			"Messages received by this worker and not settled yet.", queue),
		deletes: b.newCounter("sqs_deletes_total",
			"Delete calls, of up to ten messages each.", queue),
		deleted: b.newCounter("sqs_messages_deleted_total",
			"Messages deleted after they were handled.", queue),
		failedDeletes: b.newCounter("sqs_delete_failures_total",
			"Handled messages that could not be deleted; SQS delivers them again.", queue),
		extensions: b.newCounter("sqs_visibility_extensions_total",
			"Visibility timeouts extended because a handler is still at work.", queue),
		failedVisibility: b.newCounter("sqs_visibility_errors_total",
			"Changes of a visibility timeout that failed.", queue),
		returned: b.newCounter("sqs_messages_returned_total",
			"Messages returned to the queue, to be delivered again after their backoff.", queue),
		depth: b.newGauge("sqs_queue_messages",
			"Messages in the queue, as SQS counts them every five minutes, approximately: visible; "+
				"in_flight, of all consumers, of which SQS allows about 120,000; or delayed.", queue, state),
		failedReads: b.newCounter("sqs_queue_read_errors_total",
			"Failed attempts to read the number of messages in the queue.", queue),
		undecodable: b.newCounter("sqs_messages_undecodable_total",
			"Messages that could not be decoded.", queue),
	}
}

// SQSMetrics counts the events of the subscriber of a queue. It is an Observer of package sqs.
type SQSMetrics struct {
	series *sqsSeries
	queue  string
}

// QueueMetrics returns the metrics of the subscriber of a queue.
func (m *Metrics) QueueMetrics(queue string) *SQSMetrics {
	return &SQSMetrics{series: &m.sqs, queue: queue}
}

// ReceiveSucceeded counts a successful receive call and its messages.
func (q *SQSMetrics) ReceiveSucceeded(messages int) {
	q.series.receives.inc(q.queue)
	q.series.receiving.set(1, q.queue)
	if messages == 0 {
		q.series.emptyReceives.inc(q.queue)
	}
	q.series.received.add(messages, q.queue)
}

// ReceiveFailed counts a receive call that failed.
func (q *SQSMetrics) ReceiveFailed() {
	q.series.receives.inc(q.queue)
	q.series.failedReceives.inc(q.queue)
	q.series.receiving.set(0, q.queue)
}

// MessageReceived observes the age of a message when it was received.
func (q *SQSMetrics) MessageReceived(age time.Duration) {
	q.series.ageSeconds.observeDuration(age, q.queue)
}

// InFlightChanged adds to the number of messages in flight.
func (q *SQSMetrics) InFlightChanged(delta int) { q.series.inFlight.add(delta, q.queue) }

// DepthRead sets the number of messages in the queue.
func (q *SQSMetrics) DepthRead(visible, inFlight, delayed int) {
	q.series.depth.set(float64(visible), q.queue, "visible")
	q.series.depth.set(float64(inFlight), q.queue, "in_flight")
	q.series.depth.set(float64(delayed), q.queue, "delayed")
}

// DepthReadFailed counts a failed attempt to read the number of messages in the queue.
func (q *SQSMetrics) DepthReadFailed() { q.series.failedReads.inc(q.queue) }

// DeleteCalled counts a delete call and the messages that it deleted.
func (q *SQSMetrics) DeleteCalled(messages int) {
	q.series.deletes.inc(q.queue)
	q.series.deleted.add(messages, q.queue)
}

// DeleteFailed counts messages that could not be deleted.
func (q *SQSMetrics) DeleteFailed(messages int) { q.series.failedDeletes.add(messages, q.queue) }

// VisibilityExtended counts the extension of a visibility timeout.
func (q *SQSMetrics) VisibilityExtended() { q.series.extensions.inc(q.queue) }

// VisibilityFailed counts a failed change of a visibility timeout.
func (q *SQSMetrics) VisibilityFailed() { q.series.failedVisibility.inc(q.queue) }

// MessageReturned counts a message that was returned to the queue.
func (q *SQSMetrics) MessageReturned() { q.series.returned.inc(q.queue) }

// MessageUndecodable counts a message that could not be decoded.
func (q *SQSMetrics) MessageUndecodable() { q.series.undecodable.inc(q.queue) }
