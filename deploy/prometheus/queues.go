package prometheus

import "fmt"

// notHeld leaves out queues of requests while an operator drains or pauses their workflow, see docs/cli.md.
const notHeld = `
	unless @on(queue) label_replace(max @by(workflow) (approval_relay_paused{workflow!="*"}) > 0, "queue", "request-$1", "workflow", "(.+)")
	unless @on(queue) (
	group @by(queue) (approval_relay_sqs_receiving{queue=~"request-.+"} or approval_relay_sqs_queue_messages{queue=~"request-.+"})
	and @on (max @by (approval_relay_paused{workflow="*"}) > 0))`

// receiveAlerts are about receiving from SQS queues.
func receiveAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayNotConsuming",
			// A failed call comes again within half a minute, so a failure that lasts is in every window of three minutes.
			expr: `
				((sum @by(queue) (increase(approval_relay_sqs_receive_errors_total[3m])) > 0
				unless
				sum @by(queue) (increase(approval_relay_sqs_receives_total[3m]))
				- sum @by(queue) (increase(approval_relay_sqs_receive_errors_total[3m])) > 0.5
				unless
				sum @by(queue) (increase(approval_relay_sqs_messages_received_total[3m])) > 0)
				or max @by(queue) (approval_relay_sqs_receiving) == 0)` + notHeld,
			hold:     "5m",
			severity: page,
			summary:  "No worker can receive from the queue of {{ $labels.queue }}.",
			description: "Messages wait in the queue, and their deadlines pass. The log line \"receiving fails\" has the error: " +
				"credentials, a permission, the queue's name, or the network.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayWorkerNotConsuming",
			expr: `
				((sum @by(instance, queue) (increase(approval_relay_sqs_receive_errors_total[3m])) > 0
				unless
				sum @by(instance, queue) (increase(approval_relay_sqs_receives_total[3m]))
				- sum @by(instance, queue) (increase(approval_relay_sqs_receive_errors_total[3m])) > 0.5
				unless
				sum @by(instance, queue) (increase(approval_relay_sqs_messages_received_total[3m])) > 0)
				or min @by(instance, queue) (approval_relay_sqs_receiving) == 0)
				and @on(queue) (
				max @by(queue) (approval_relay_sqs_receiving) == 1
				or sum @by(queue) (increase(approval_relay_sqs_messages_received_total[3m])) > 0)` + notHeld,
			hold:        "10m",
			severity:    ticket,
			summary:     "The worker {{ $labels.instance }} cannot receive from the queue of {{ $labels.queue }}, while others can.",
			description: "The other workers handle the messages. Look at this worker's log, credentials and network.",
			board:       workerBoard,
		},
	}
}

// waited is the time in the queue that a tenth of the messages exceeds, if it is above five minutes. The histogram is
// classic or native.
func waited(window string) string {
	return fmt.Sprintf(`histogram_quantile(0.9, sum @by(queue, le) (rate(approval_relay_sqs_message_age_seconds_bucket[%[1]s]))
		or ignoring (le) sum @by(queue) (rate(approval_relay_sqs_message_age_seconds[%[1]s]))) > 300`, window)
}

// lagAlert is about messages that wait for long before they are received.
func lagAlert() alert {
	return alert{
		name: "ApprovalRelayQueueLag",
		// The messages of an outage or a pause are received within the hour after it: then the depth falls. The floor leaves
		// out a single late message. Where few are received, many must wait.
		expr: `
			(` + waited("5m") + `
			unless sum @by(queue) (increase(approval_relay_sqs_messages_received_total[5m])) < 5
			or ` + waited("30m") + `
			and sum @by(queue) (increase(approval_relay_sqs_messages_received_total[30m])) > 2.5
			and max @by(queue) (min_over_time(approval_relay_sqs_queue_messages{state="visible"}[11m])) > 0)
			unless
			max @by(queue) (approval_relay_sqs_queue_messages{state="visible"})
			< 0.85 * max @by(queue) (approval_relay_sqs_queue_messages{state="visible"} offset 10m)`,
		hold:     "10m",
		severity: page,
		summary:  "Messages of {{ $labels.queue }} waited {{ $value | humanizeDuration }} before they were received.",
		description: "They arrive faster than they are handled. Look at the time of handlers and commits; raise the queue's " +
			"concurrency and pollers.",
		board: workerBoard,
	}
}

// depthAlerts are about messages that wait in SQS queues.
func depthAlerts() []alert {
	return []alert{
		lagAlert(),
		{
			name: "ApprovalRelayQueueGrowing",
			// Receives may succeed and return no message: too many are in flight, or another consumer takes them. The depth is
			// read every five minutes; a depth that cannot be read says nothing.
			expr: `
				(max @by(queue) (min_over_time(approval_relay_sqs_queue_messages{state="visible"}[11m])) > 0
				unless sum @by(queue) (increase(approval_relay_sqs_messages_received_total[11m])) > 0)
				unless sum @by(queue) (increase(approval_relay_sqs_queue_read_errors_total[11m])) > 0` + notHeld,
			hold:     "5m",
			severity: page,
			summary:  "{{ $value | humanize }} messages wait in the queue of {{ $labels.queue }}, and none is received.",
			description: "Too many messages are in flight, the handlers are all busy, or another consumer takes the messages. " +
				"Requests that wait keep their deadlines.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayQueueInFlight",
			// SQS delivers no more messages at about 120,000.
			expr: `
				max @by(queue) (approval_relay_sqs_queue_messages{state="in_flight"}) > 0.8 * 120000`,
			hold:        "5m",
			severity:    page,
			summary:     "{{ $value | humanize }} messages of {{ $labels.queue }} are in flight. SQS allows about 120,000.",
			description: "SQS will deliver nothing more, and report no error. Find out why messages fail, or which consumer keeps them.",
			board:       workerBoard,
		},
		{
			name: "ApprovalRelayQueueDepthUnknown",
			expr: `
				sum @by(queue) (increase(approval_relay_sqs_queue_read_errors_total[30m])) > 3`,
			hold:     "15m",
			severity: ticket,
			summary: "The depth of the queue of {{ $labels.queue }} cannot be read, so ApprovalRelayQueueGrowing and " +
				"ApprovalRelayQueueInFlight cannot fire.",
			description: "Allow sqs:GetQueueAttributes on the queue.",
			board:       workerBoard,
		},
	}
}
