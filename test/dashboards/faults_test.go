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

// down: Step Functions answers nothing but 500, until it is no longer called.
func (w *world) down() error {
	w.aws.StepFunctions.SetFaults(emulator.Faults{Fail: 1})
	defer w.aws.StepFunctions.SetFaults(emulator.Faults{})
	for i := range 10 {
		order := fmt.Sprint("down-", i)
		if _, err := w.ask("orders", order, nil); err != nil {
			return err
		}
		if err := w.decide("api", order, "approve", "ann", http.StatusOK); err != nil {
			return err
		}
	}
	err := await("Step Functions to be left alone", func() bool { return w.counts(`circuit_breakers_open{target="stepfunctions"}`) })
	time.Sleep(3 * scrapeEvery)
	return err
}

// flaky: Step Functions throttles, loses replies, and is so slow that a scrape
// sees calls under way.
func (w *world) flaky() error {
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.3, LoseReply: 0.5, Latency: 700 * time.Millisecond})
	defer w.aws.StepFunctions.SetFaults(emulator.Faults{})
	var group errgroup.Group
	for i := range 20 {
		order := fmt.Sprint("flaky-", i)
		group.Go(func() error {
			if _, err := w.ask("orders", order, nil); err != nil {
				return err
			}
			if err := w.decide("api", order, "approve", "ann", http.StatusOK); err != nil {
				return err
			}
			return await(order+" to be answered", func() bool {
				all := w.order(order).Approvals
				return len(all) == 1 && strings.HasPrefix(string(all[0].Callback.State), "delivered")
			})
		})
	}
	return group.Wait()
}

// queueFaults: receives, deletes and changes of visibility fail, and a dead
// letter takes longer than the visibility timeout.
func (w *world) queueFaults() error {
	quiet := func() {
		for _, action := range []string{"SendMessage", "ChangeMessageVisibility", "DeleteMessageBatch", "ReceiveMessage"} {
			w.front.set(action, fault{})
		}
	}
	defer quiet()
	w.front.set("SendMessage", fault{slow: 2 * time.Second}) // to the dead letter queue
	for _, step := range []struct{ refused, queue, body, counts string }{
		{"", "orders", "no JSON", "sqs_visibility_extensions_total"},
		{"ChangeMessageVisibility", "orders", "no JSON", "sqs_visibility_errors_total"},
		{"DeleteMessageBatch", "payments", body(fields{"orderId": "kept", "taskToken": w.token()}), "sqs_delete_failures_total"},
		{"ReceiveMessage", "payments", body(fields{"orderId": "kept-too", "taskToken": w.token()}), "sqs_receive_errors_total"}, // ends a long poll
	} {
		if step.refused != "" {
			w.front.set(step.refused, fault{refused: true})
		}
		w.aws.SQS.PutMessage(step.queue, step.body, nil)
		if err := await(step.counts, func() bool { return w.counts(step.counts) }); err != nil {
			return err
		}
	}
	return nil
}

// queueDepths: how many messages wait cannot be read for a while, and then that one
// does, because receives fail.
func (w *world) queueDepths() error {
	w.front.set("GetQueueAttributes", fault{refused: true, code: "AccessDenied"})
	err := await("reads of depths to fail", func() bool { return w.counts("sqs_queue_read_errors_total") })
	w.front.set("GetQueueAttributes", fault{})
	if err != nil {
		return err
	}
	w.front.set("ReceiveMessage", fault{refused: true})
	defer w.front.set("ReceiveMessage", fault{})
	if err := await("no long poll to be left", func() bool { // each ends with a message
		w.aws.SQS.PutMessage("payments", body(fields{"orderId": "waits-in-queue", "taskToken": w.token()}), nil)
		return w.counts(`sqs_queue_messages{queue="request-payments",state="visible"}`)
	}); err != nil {
		return err
	}
	time.Sleep(3 * scrapeEvery)
	return nil
}

// spanned: the collector takes no spans for a while.
func (w *world) spanned() error {
	w.spans.SetFailing(true)
	err := await("spans to be lost", func() bool { return w.counts(`trace_spans_total{result="dropped"}`) })
	w.spans.SetFailing(false)
	if err != nil {
		return err
	}
	return await("spans to be exported", func() bool { return w.counts(`trace_spans_total{result="exported"}`) })
}

// diskFull: nothing can be stored for a while.
func (w *world) diskFull() error {
	limit := func(most uint64) error {
		return unix.Prlimit(w.proc.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
	}
	if err := limit(0); err != nil {
		return err
	}
	w.aws.SQS.PutMessage("orders", body(fields{"orderId": "unstored", "taskToken": w.token()}), nil)
	status, text := w.call("POST", "http://"+w.operator+"/v1/requests?workflow=orders", apiToken, body(fields{"orderId": "unstored-too", "taskToken": w.token()}))
	if status != http.StatusServiceUnavailable {
		return fmt.Errorf("a request while the disk is full: %d %s", status, text)
	}
	if status, text := w.click("scanned", "approve"); status != http.StatusServiceUnavailable {
		return fmt.Errorf("a decision by link while the disk is full: %d %s", status, text)
	}
	for _, series := range []string{"store_commit_errors_total", `sweeps_total{result="failed"}`, "sqs_messages_returned_total"} {
		if err := await(series, func() bool { return w.counts(series) }); err != nil {
			return err
		}
	}
	if err := limit(unix.RLIM_INFINITY); err != nil {
		return err
	}
	return w.becomes("unstored", approval.Pending, "") // it comes again by itself
}
