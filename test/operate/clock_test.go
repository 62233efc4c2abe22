package operate

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// jumpingProgram builds the program with a clock whose offset a file sets, in nanoseconds: the clock of the machine
// cannot be set for a single process. The monotonic clock and timers go on, as they do when a clock is set.
func jumpingProgram(t *testing.T) string {
	t.Helper()
	source := filepath.Join(runtime.GOROOT(), "src", "time", "time.go") //nolint:staticcheck // of the toolchain that builds
	return program(t, "jumping",
		overlay.Edit{File: source, Old: "func Now() Time {\n", New: `// OffsetForTests moves Now.
var OffsetForTests func() int64

func Now() Time {
	t := now0()
	if OffsetForTests == nil {
		return t
	}
	moved := t.Add(Duration(OffsetForTests()))
	moved.ext = t.ext
	return moved
}

func now0() Time {
`},
		overlay.Edit{File: "cmd/approval-relay/zz_jump.go", New: `package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

func init() {
	path := os.Getenv("OFFSET_FILE")
	var offset atomic.Int64
	read := func() {
		text, _ := os.ReadFile(path)
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			offset.Store(n)
		}
	}
	read()
	time.OffsetForTests = offset.Load
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			read()
		}
	}()
}
`})
}

// jumping is a worker whose clock a test sets.
type jumping struct {
	*worker

	offsetFile string
}

// startJumping starts a worker whose clock is wrong.
func (w *world) startJumping(t *testing.T, c config, wrong time.Duration) *jumping {
	t.Helper()
	j := &jumping{offsetFile: c.path + ".offset"}
	j.set(t, wrong)
	j.worker = w.launch(t, jumpingProgram(t), c, "OFFSET_FILE="+j.offsetFile)
	await(t, "the worker serves", func() bool {
		status, _ := j.readiness(t)
		return status != 0
	})
	return j
}

// set sets the clock of the worker.
func (j *jumping) set(t *testing.T, wrong time.Duration) {
	t.Helper()
	next := j.offsetFile + ".next" // a reader never sees half of it
	require.NoError(t, os.WriteFile(next, fmt.Append(nil, int64(wrong)), 0o600))
	require.NoError(t, os.Rename(next, j.offsetFile))
}

// clockWorkflows have a queue, heartbeats and quick retries.
const clockWorkflows = `
channels: {log: {log: {}}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders:
    requests: {sqs: {queue: orders}}
    approvers: [ann@example.com]
    notify: [log]
    heartbeat: 2s
    deadline: 30m
    callback: {retry: {base: 50ms, cap: 1s}}
`

// A clock that jumps ends nothing: the pending approvals stay, their heartbeats go on, and an answer that is owed is given
// when its target is back. The worker tells that it is not ready, and why, until the clock is right again.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for name, jumped := range map[string]time.Duration{
		"an hour ahead": time.Hour, "an hour back": -time.Hour, "a day ahead": 24 * time.Hour, "a day back": -24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.aws.SQS.CreateQueue("orders")
			k := w.startJumping(t, w.config(t, clockWorkflows), 0)
			k.awaitReady(t)
			var pending []string
			for i := range 5 {
				pending = append(pending, w.ask(t, k.worker, "orders", fmt.Sprint("A-", i), time.Hour, 8*time.Second))
			}
			owed := w.ask(t, k.worker, "orders", "B-1", time.Hour, 8*time.Second)
			w.aws.StepFunctions.SetFaults(emulator.Faults{Fail: 1}, "SendTaskSuccess")
			k.decide(t, "B-1")
			await(t, "an attempt failed", func() bool { return k.order(t, "B-1").Approvals[0].Callback.Attempts > 0 })

			k.set(t, jumped)
			await(t, "the worker is not ready, and tells why", func() bool {
				status, text := k.readiness(t)
				return status == http.StatusServiceUnavailable && strings.Contains(text, "the clock of this machine")
			})
			require.Equal(t, "1", k.metric(t, "approval_relay_clock_uncertain"))
			w.aws.StepFunctions.SetFaults(emulator.Faults{})
			await(t, "the answer is given", func() bool { return w.task(t, owed).Effective == 1 })
			stays(t, 20*time.Second, "the approvals are pending, and their tasks are kept alive", func() bool {
				for _, token := range pending {
					if w.task(t, token).State != emulator.TaskOpen {
						return false
					}
				}
				return true
			})
			// A request after the jump has its whole time, and its decision is taken and answered.
			later := w.aws.StepFunctions.OpenTask(time.Hour, 0)
			w.aws.SQS.PutMessage("orders", requestBody("C-1", later), nil)
			await(t, "the request is read", func() bool { return len(k.order(t, "C-1").Approvals) == 1 })
			k.decide(t, "C-1")
			await(t, "the workflow is answered", func() bool { return w.task(t, later).Effective == 1 })

			k.set(t, 0)
			k.awaitReady(t)
			require.Equal(t, "0", k.metric(t, "approval_relay_clock_uncertain"))
			for i, token := range pending {
				require.Equal(t, "pending", k.order(t, fmt.Sprint("A-", i)).Approvals[0].Status)
				k.decide(t, fmt.Sprint("A-", i))
				await(t, "the workflow is answered", func() bool { return w.task(t, token).Effective == 1 })
			}
		})
	}
}

// A deadline that passes while the clock cannot be trusted is held, and passes when it can.
func TestHeldDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	c := w.config(t, strings.Replace(clockWorkflows, "deadline: 30m", "deadline: 10s", 1))
	k := w.startJumping(t, c, 0)
	k.awaitReady(t)
	token := w.ask(t, k.worker, "orders", "A-1", time.Hour, 0)
	k.set(t, 24*time.Hour)
	stays(t, 15*time.Second, "the deadline is held", func() bool { return w.task(t, token).State == emulator.TaskOpen })
	k.set(t, 0)
	await(t, "the deadline passes", func() bool { return w.task(t, token).State == emulator.TaskFailed })
	require.Equal(t, "ApprovalTimedOut", w.task(t, token).Error)
}

// A worker that starts with a wrong clock ends nothing, and goes on with the heartbeats that a worker with the right clock
// began; and the reverse.
func TestStartWithWrongClock(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]time.Duration{"a day ahead": 24 * time.Hour, "a day back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.aws.SQS.CreateQueue("orders")
			c := w.config(t, clockWorkflows)
			k := w.startJumping(t, c, 0)
			k.awaitReady(t)
			first := w.ask(t, k.worker, "orders", "A-1", time.Hour, 8*time.Second)
			k.kill()
			k = w.startJumping(t, c, wrong)
			second := w.ask(t, k.worker, "orders", "A-2", time.Hour, 8*time.Second)
			open := func() bool {
				return w.task(t, first).State == emulator.TaskOpen && w.task(t, second).State == emulator.TaskOpen
			}
			stays(t, 12*time.Second, "the tasks are kept alive", open)
			k.kill()
			k = w.startJumping(t, c, 0)
			k.awaitReady(t)
			stays(t, 12*time.Second, "the tasks are kept alive", open)
			k.decide(t, "A-2")
			await(t, "the workflow is answered", func() bool { return w.task(t, second).Effective == 1 })
		})
	}
}

// Without AWS, a worker follows the time of its PostgreSQL server: from its start, and after a jump. That its machine has
// jumped is then certain within seconds, and the time is right again.
func TestClockOfTheDatabase(t *testing.T) {
	t.Parallel()
	database := postgrestest.Run(t, postgrestest.Options{})
	w := newWorld(t)
	run(t, "keys", "make", filepath.Join(w.dir, "keys"))
	c := w.config(t, fmt.Sprintf(`
store: {postgres: {url: %q}}
channels: {log: {log: {}}}
targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allow_http: true, allow_internal: true}}}
workflows:
  orders: {approvers: [ann@example.com], notify: [log]}
`, database.URL()))
	k := w.startJumping(t, c, 4*time.Minute)
	for i, wrong := range []time.Duration{4 * time.Minute, -2 * time.Minute, 2 * time.Minute, 0} {
		k.set(t, wrong)
		await(t, "each jump was noticed, and the database has told the time", func() bool {
			return strings.Count(k.logs.String(), "the clock can be trusted again") == i
		})
		k.awaitReady(t)
		id := fmt.Sprint("A-", i)
		before := time.Now()
		body := fmt.Sprintf(`{"orderId": %q, "callbackUrl": "http://127.0.0.1:9/"}`, id)
		require.Equal(t, http.StatusAccepted, k.call(t, "POST", "/v1/requests?workflow=orders", body, nil))
		at := k.order(t, id).Approvals[0].RequestedAt
		require.WithinRange(t, at, before.Add(-5*time.Second), time.Now().Add(5*time.Second), "%s wrong", wrong)
	}
}
