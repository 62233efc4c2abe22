package prometheus

import "fmt"

// recordings returns the recording rules.
func recordings() []recording {
	var all []recording
	for _, window := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"} {
		all = append(all,
			recording{"approval_relay:callbacks_ended:increase" + window, endedCallbacks(window)},
			recording{"approval_relay:callbacks_slow:increase" + window, slowCallbacks(window)},
			recording{"approval_relay:callbacks_slow:ratio_rate" + window, slowShare(window)})
	}
	for _, window := range []string{"5m", "1h", "1d"} {
		all = append(all, recording{"approval_relay:approvals_timed_out:ratio_rate" + window, timedOutShare(window)})
	}
	return append(all, recording{"approval_relay:store_failing", failingStores()})
}

// missedAnswers counts the answers that a workflow did not get, or may not have got. A worker without the counter of
// missed answers has their outcomes only, among those of workflows that somebody stopped.
func missedAnswers(window string) string {
	return fmt.Sprintf(`increase(approval_relay_callbacks_total{outcome="exhausted"}[%[1]s])
		or increase(approval_relay_answers_missed_total[%[1]s])
		or (increase(approval_relay_callbacks_total{outcome=~"too_late|unknown"}[%[1]s])
		unless @on(instance) approval_relay_answers_missed_total)`, window)
}

// endedCallbacks counts the answers that were due: delivered or missed. The histogram is classic or native.
func endedCallbacks(window string) string {
	return fmt.Sprintf(`sum @by(target) (
		increase(approval_relay_callback_delivery_seconds_count[%[1]s])
		or histogram_count(increase(approval_relay_callback_delivery_seconds[%[1]s]))
		or %[2]s)`, window, missedAnswers(window))
}

// punctualCallbacks counts the answers that were delivered within a minute.
func punctualCallbacks(window string) string {
	return fmt.Sprintf(`sum @by(target) (
		increase(approval_relay_callback_delivery_seconds_bucket{le=~"60([.]0)?"}[%[1]s])
		or ignoring (le)
		(histogram_fraction(0, 60, increase(approval_relay_callback_delivery_seconds[%[1]s]))
		* histogram_count(increase(approval_relay_callback_delivery_seconds[%[1]s])) >= 0))`, window)
}

// slowCallbacks counts the answers that were not delivered within a minute: slow, or missed.
func slowCallbacks(window string) string {
	return fmt.Sprintf(`
		approval_relay:callbacks_ended:increase%[1]s
		- (%[2]s
		or approval_relay:callbacks_ended:increase%[1]s * 0)`, window, punctualCallbacks(window))
}

// slowShare is the share of the answers that were not delivered within a minute.
func slowShare(window string) string {
	return fmt.Sprintf(`
		approval_relay:callbacks_slow:increase%[1]s / (approval_relay:callbacks_ended:increase%[1]s > 0)`, window)
}

// timedOutShare is the share of approvals that timed out.
func timedOutShare(window string) string {
	return fmt.Sprintf(`
		sum @by(workflow) (rate(approval_relay_approvals_timed_out_total[%[1]s]))
		/ (sum @by(workflow) (rate(approval_relay_approvals_timed_out_total[%[1]s]))
		+ sum @by(workflow) (rate(approval_relay_approvals_decided_total[%[1]s])))`, window)
}
