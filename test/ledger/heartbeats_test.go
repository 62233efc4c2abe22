package ledger

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestHeartbeats shows that a decided task lives until it is answered: while SendTaskSuccess and SendTaskFailure fail for
// longer than the task lives without a heartbeat, heartbeats keep it alive. The process is replaced several times meanwhile.
func TestHeartbeats(t *testing.T) {
	reportViolations(t, runHeartbeats(t, binaryUnderTest(t), settings{}))
}

func runHeartbeats(t *testing.T, binary string, s settings) (v violations) {
	t.Helper()
	// A task outlives several heartbeats, the replacement of the process and a pause of a busy machine, but not the outage.
	const interval, lifetime = 2 * time.Second, 12 * time.Second
	outage := time.Duration(chooseSize(40, 18)) * time.Second
	s.interval = interval
	w := newWorld(t, binary, s)
	if err := w.startProgram(); err != nil {
		t.Fatal(err)
	}
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 1}, emulator.ActionSuccess, emulator.ActionFailure)
	began := time.Now()
	var all []*scenario
	var group errgroup.Group
	for i := range chooseSize(300, 60) {
		s := &scenario{
			order:    fmt.Sprintf("P-%d", i),
			workflow: storyWorkflow,
			way:      []string{"topic", "webhook", "api"}[i%3],
			outcome:  []string{"approve", "reject"}[i%2],
			token:    w.aws.StepFunctions.OpenTask(20*time.Minute, lifetime),
		}
		all = append(all, s)
		group.Go(func() error { return s.runScenario(t.Context(), w) })
	}
	if err := group.Wait(); err != nil {
		v.addf("%v", err)
	}
	const replacements = 4 // each at another moment of the sweeps
	for i := range replacements {
		pauseFor(t.Context(), time.Until(began.Add(outage/3+time.Duration(i)*outage/(3*replacements))))
		if err := w.terminateProgram(); err != nil {
			v.addf("%v", err)
		}
		if err := w.startProgram(); err != nil {
			t.Fatal(err)
		}
	}
	pauseFor(t.Context(), time.Until(began.Add(outage)))
	w.aws.StepFunctions.SetFaults(stepFaults)
	w.waitUntilDrained(all, w.patience(), &v)
	t.Logf("%d approvals decided within an outage of %s, %s", len(all), outage, w.callLog.summary())
	w.checkRecords(all, &v)
	w.checkDatabase(&v)
	return v
}
