package dashboards

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// runTargetOutage lets Step Functions answer 500 only, until its circuit breaker opens.
func (w *world) runTargetOutage() error {
	w.aws.StepFunctions.SetFaults(emulator.Faults{Fail: 1})
	defer w.aws.StepFunctions.SetFaults(emulator.Faults{})
	for i := range 10 {
		order := fmt.Sprint("down-", i)
		if _, err := w.postRequest("orders", order, nil); err != nil {
			return err
		}
		if err := w.postDecision("api", order, "approve", "ann", http.StatusOK); err != nil {
			return err
		}
	}
	err := waitFor("the circuit breaker of Step Functions opens", func() bool {
		return w.hasCounted(`circuit_breakers_open{target="stepfunctions"}`)
	})
	time.Sleep(3 * scrapeEvery)
	return err
}

// runFlakyTarget lets Step Functions throttle and lose replies, so slowly that a scrape sees calls under way.
func (w *world) runFlakyTarget() error {
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.3, LoseReply: 0.5, Latency: 700 * time.Millisecond})
	defer w.aws.StepFunctions.SetFaults(emulator.Faults{})
	var group errgroup.Group
	for i := range 20 {
		order := fmt.Sprint("flaky-", i)
		group.Go(func() error {
			if _, err := w.postRequest("orders", order, nil); err != nil {
				return err
			}
			if err := w.postDecision("api", order, "approve", "ann", http.StatusOK); err != nil {
				return err
			}
			return waitFor(order+" is answered", func() bool {
				all := w.readOrder(order).Approvals
				return len(all) == 1 && strings.HasPrefix(string(all[0].Callback.State), "delivered")
			})
		})
	}
	return group.Wait()
}

// runQueueFaults lets receives, deletes and changes of visibility fail, and lets a dead letter take longer than the
// visibility timeout.
func (w *world) runQueueFaults() error {
	quiet := func() {
		for _, action := range []string{"SendMessage", "ChangeMessageVisibility", "DeleteMessageBatch", "ReceiveMessage"} {
			w.front.setFault(action, fault{})
		}
	}
	defer quiet()
	w.front.setFault("SendMessage", fault{slow: 2 * time.Second}) // to the dead letter queue
	for _, step := range []struct{ refused, queue, jsonText, counts string }{
		{"", "orders", "no JSON", "sqs_visibility_extensions_total"},
		{"ChangeMessageVisibility", "orders", "no JSON", "sqs_visibility_errors_total"},
		{"DeleteMessageBatch", "payments", jsonText(fields{"orderId": "kept", "taskToken": w.newToken()}), "sqs_delete_failures_total"},
		// The message ends the long poll that is under way.
		{"ReceiveMessage", "payments", jsonText(fields{"orderId": "kept-too", "taskToken": w.newToken()}), "sqs_receive_errors_total"},
	} {
		if step.refused != "" {
			w.front.setFault(step.refused, fault{refused: true})
		}
		w.aws.SQS.PutMessage(step.queue, step.jsonText, nil)
		if err := waitFor(step.counts, func() bool { return w.hasCounted(step.counts) }); err != nil {
			return err
		}
	}
	return nil
}

// runDepthFaults lets reads of the queue depth fail. Then receives fail, so that a message waits in the queue.
func (w *world) runDepthFaults() error {
	w.front.setFault("GetQueueAttributes", fault{refused: true, code: "AccessDenied"})
	err := waitFor("reads of depths fail", func() bool { return w.hasCounted("sqs_queue_read_errors_total") })
	w.front.setFault("GetQueueAttributes", fault{})
	if err != nil {
		return err
	}
	w.front.setFault("ReceiveMessage", fault{refused: true})
	defer w.front.setFault("ReceiveMessage", fault{})
	if err := waitFor("every long poll has ended", func() bool { // each poll under way ends with a message
		w.aws.SQS.PutMessage("payments", jsonText(fields{"orderId": "waits-in-queue", "taskToken": w.newToken()}), nil)
		return w.hasCounted(`sqs_queue_messages{queue="request-payments",state="visible"}`)
	}); err != nil {
		return err
	}
	time.Sleep(3 * scrapeEvery)
	return nil
}

// runSpanFaults lets the collector of spans fail for a while.
func (w *world) runSpanFaults() error {
	w.spans.SetFailing(true)
	err := waitFor("spans are dropped", func() bool { return w.hasCounted(`trace_spans_total{result="dropped"}`) })
	w.spans.SetFailing(false)
	if err != nil {
		return err
	}
	return waitFor("spans are exported", func() bool { return w.hasCounted(`trace_spans_total{result="exported"}`) })
}

// runFullDisk lets every commit fail for a while.
func (w *world) runFullDisk() error {
	limit := func(most uint64) error {
		return unix.Prlimit(w.proc.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
	}
	// Its deadline passes while the disk is full, so a sweep has something to store.
	if _, err := w.postRequest("orders", "due-on-a-full-disk", fields{"timeoutSeconds": 2}); err != nil {
		return err
	}
	if err := limit(0); err != nil {
		return err
	}
	w.aws.SQS.PutMessage("orders", jsonText(fields{"orderId": "unstored", "taskToken": w.newToken()}), nil)
	request := jsonText(fields{"orderId": "unstored-too", "taskToken": w.newToken()})
	status, text := w.callHTTP("POST", "http://"+w.operator+"/v1/requests?workflow=orders", apiToken, request)
	if status != http.StatusServiceUnavailable {
		return fmt.Errorf("a request while the disk is full: %d %s", status, text)
	}
	if status, text := w.submitPage("scanned", "approve"); status != http.StatusServiceUnavailable {
		return fmt.Errorf("a decision by link while the disk is full: %d %s", status, text)
	}
	for _, series := range []string{"store_commit_errors_total", `sweeps_total{result="failed"}`, "sqs_messages_returned_total"} {
		if err := waitFor(series, func() bool { return w.hasCounted(series) }); err != nil {
			return err
		}
	}
	if err := limit(unix.RLIM_INFINITY); err != nil {
		return err
	}
	return w.waitForState("unstored", approval.Pending, "") // the queue delivers it again
}
