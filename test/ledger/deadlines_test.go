package ledger

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestDeadlines has thousands of deadlines within a second, with decisions at the same time. Each task must be answered
// once and before its own timeout, and the calls must respect the rate limit.
func TestDeadlines(t *testing.T) {
	const rate, burst = 400, 100
	n := chooseSize(5000, 400)
	w := newWorld(t, binaryUnderTest(t), settings{rate: rate, burst: burst})
	if err := w.startProgram(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Duration(6+n/250) * time.Second)
	var all []*scenario
	var group errgroup.Group
	group.SetLimit(48)
	for i := range n {
		s := &scenario{
			order:    fmt.Sprintf("D-%d", i),
			way:      "api",
			outcome:  "approve",
			conflict: true,
			taskEnds: deadline.Add(90 * time.Second),
		}
		s.token = w.aws.StepFunctions.OpenTask(time.Until(s.taskEnds), 0)
		all = append(all, s)
		body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"timeoutSeconds":%d,"approvalDeadline":%q}`,
			s.order, s.token, int(time.Until(s.taskEnds).Seconds()),
			deadline.Add(time.Duration(i)*time.Second/time.Duration(n)).UTC().Format(time.RFC3339Nano))
		group.Go(func() error {
			status, text, err := w.callUntilAnswered(t.Context(), "POST", w.requestURL("orders"), askToken, body)
			if err == nil && status != http.StatusAccepted {
				err = fmt.Errorf("request: %d %s", status, text)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if time.Now().After(deadline) {
		t.Log("this machine took the last request in after the first deadline, so the race is less close than intended")
	}
	for _, s := range all[:n/2] { // around the second of the deadlines
		group.Go(func() error {
			time.Sleep(time.Until(deadline.Add(time.Duration(rand.IntN(1600)-300) * time.Millisecond)))
			return s.sendDecision(t.Context(), w, "api", s.outcome, 200, 409)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	var v violations
	w.waitUntilDrained(all, 60*time.Second, &v)
	w.checkRecords(all, &v)
	w.checkRateLimit(rate, burst, &v)
	outcomes := map[emulator.TaskState]int{}
	for _, s := range all {
		task, _ := w.aws.StepFunctions.FindTask(s.token)
		outcomes[task.State]++
	}
	t.Logf("%d deadlines: %v, %s", n, outcomes, w.callLog.summary())
	w.checkDatabase(&v)
	reportViolations(t, v)
}

// maxBunching is the time by which calls may arrive closer together than they were sent.
const maxBunching = 100 * time.Millisecond

// checkRateLimit searches the calls of each API for a span of time with more calls than the limit allows.
func (w *world) checkRateLimit(rate, burst int, v *violations) {
	w.callLog.mu.Lock()
	defer w.callLog.mu.Unlock()
	for action, times := range w.callLog.times {
		slices.SortFunc(times, time.Time.Compare)
		for i, from := range times {
			for _, span := range []int{rate / 4, rate, 3 * rate} { // calls after it
				j := i + burst + span
				if j < len(times) && times[j].Sub(from) < time.Duration(span)*time.Second/time.Duration(rate)-maxBunching {
					v.addf("%d calls of %s within %s", j-i, action, times[j].Sub(from))
					return
				}
			}
		}
	}
}
