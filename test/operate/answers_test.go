package operate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// beating is a workflow whose tasks end without heartbeats after stateHeartbeat, far before their timeout.
const beating = `
channels: {log: {log: {}}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders:
    requests: {}
    approvers: [ann@example.com]
    notify: [log]
    heartbeat: 1s
    heartbeat_timeout: 8s
    callback: {retry: {base: 50ms, cap: 500ms}}
`

const stateHeartbeat = 8 * time.Second

// executions asks for n approvals, of the orders A-0 and so on, each with an execution of its own.
func (w *world) executions(t *testing.T, k *worker, n int, named bool) (tokens map[string]string) {
	t.Helper()
	tokens = map[string]string{}
	for i := range n {
		sent := make(chan emulator.Attempt, 1)
		e := w.aws.StepFunctions.StartExecution(t.Context(), "orders", func(a emulator.Attempt) { sent <- a },
			emulator.TaskDefinition{Name: "Ask", Timeout: time.Hour, Heartbeat: stateHeartbeat})
		t.Cleanup(e.Stop)
		order := fmt.Sprint("A-", i)
		tokens[order] = (<-sent).Token
		fields := map[string]string{"orderId": order, "taskToken": tokens[order]}
		if named {
			fields["executionArn"] = e.ARN
		}
		body, err := json.Marshal(fields)
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, k.call(t, "POST", "/v1/requests?workflow=orders", string(body), nil))
	}
	return tokens
}

// states returns the states of the callbacks of orders, sorted and without repetition, with the truths that were found.
func (k *worker) states(t *testing.T, tokens map[string]string) []string {
	t.Helper()
	var states []string
	for id := range tokens {
		c := k.order(t, id).Approvals[0].Callback
		states = append(states, strings.TrimSpace(c.State+" "+c.Truth))
	}
	slices.Sort(states)
	return slices.Compact(states)
}

func (k *worker) haveEnded(t *testing.T, tokens map[string]string) bool {
	t.Helper()
	return !slices.ContainsFunc(k.states(t, tokens), func(s string) bool { return s == "pending" })
}

// unanswered returns the IDs of the orders that the command line lists as unanswered.
func (k *worker) unanswered(t *testing.T) (ids []string) {
	t.Helper()
	var list struct{ Orders []struct{ OrderID string } }
	out := k.command(t, "requests", "--state=unanswered", "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(out), &list), out)
	for _, o := range list.Orders {
		ids = append(ids, o.OrderID)
	}
	return ids
}

// command runs a command of the program against the worker.
func (k *worker) command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := k.tryCommand(t, args...)
	require.NoError(t, err, out)
	return out
}

// tryCommand runs a command of the program against the worker, without a terminal. It returns all that it prints.
func (k *worker) tryCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program(t, "plain"), append(args, "--url=http://"+k.operator)...)
	c.Env = append(os.Environ(), "APPROVAL_RELAY_TOKEN="+operatorToken)
	out, err := c.CombinedOutput()
	return string(out), err
}

// run runs a command of the program that calls no worker, and returns all that it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, "plain"), args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// missed returns how many answers the worker has counted as missed.
func (k *worker) missed(t *testing.T) int {
	t.Helper()
	n := 0
	for _, outcome := range []string{"unknown", "too_late"} {
		var some int
		value := k.metric(t, `approval_relay_answers_missed_total{outcome="`+outcome+`",target="stepfunctions"}`)
		_, err := fmt.Sscan(value, &some)
		require.NoError(t, err, value)
		n += some
	}
	return n
}

// Step Functions is out of reach while 20 approvals are decided, until their tasks have ended by themselves. No answer is
// said to have arrived, and all are listed and counted until somebody has seen to them.
func TestAnswersLostInAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.start(t, w.config(t, beating))
	tokens := w.executions(t, k, 20, false)
	w.loseAnswers(t, k, tokens)

	require.Subset(t, []string{"too_late", "unknown"}, k.states(t, tokens))
	require.Len(t, k.unanswered(t), 20)
	require.Equal(t, 20, k.missed(t))
	await(t, "they are counted", func() bool { return k.metric(t, "approval_relay_unanswered_orders") == "20" })

	k.command(t, "dismiss", "A-7", "--reason=done by hand")
	require.NotContains(t, k.unanswered(t), "A-7")
	await(t, "one less is counted", func() bool { return k.metric(t, "approval_relay_unanswered_orders") == "19" })
	require.Contains(t, k.command(t, "show", "A-7"), "done by hand")
}

// loseAnswers decides the orders in an outage that is longer than their tasks wait for a heartbeat.
func (w *world) loseAnswers(t *testing.T, k *worker, tokens map[string]string) {
	t.Helper()
	w.aws.StepFunctions.SetOutage(true)
	for id := range tokens {
		k.decide(t, id)
	}
	for _, token := range tokens {
		task, err := w.aws.StepFunctions.WaitForTask(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, emulator.TaskTimedOut, task.State)
	}
	w.aws.StepFunctions.SetOutage(false)
	await(t, "the answers are no longer owed", func() bool { return k.haveEnded(t, tokens) })
}

// The history of an execution tells that its task had timed out.
func TestAnswersLostAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.start(t, w.config(t, beating))
	tokens := w.executions(t, k, 5, true)
	w.loseAnswers(t, k, tokens)
	await(t, "the truth is found", func() bool { return slices.Equal(k.states(t, tokens), []string{"too_late timed_out"}) })
	require.Len(t, k.unanswered(t), 5)
	require.Equal(t, 5, k.missed(t))
	require.Equal(t, "5", k.metric(t, `approval_relay_callbacks_reconciled_total{target="stepfunctions",truth="timed_out"}`))
	require.Contains(t, k.command(t, "show", "A-1"), "timed_out")
}

// The replies to answers are lost, and Step Functions stays out of reach until the tasks may have ended by themselves. The
// history tells that the answers arrived. Without the right to read it they stay unknown, and nobody is paged.
func TestAnswersWithLostReplies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		denied     bool
		state      string
		unanswered int
	}{
		"allowed": {false, "delivered answered", 0},
		"denied":  {true, "unknown forbidden", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.denied {
				w.aws.StepFunctions.SetFaults(emulator.Faults{Deny: 1}, emulator.ActionHistory)
			}
			k := w.start(t, w.config(t, beating))
			tokens := w.executions(t, k, 3, true)
			w.aws.StepFunctions.SetFaults(emulator.Faults{LoseReply: 1})
			for id := range tokens {
				k.decide(t, id)
			}
			await(t, "the answers have arrived", func() bool { return w.countAnswered(t, tokens) == len(tokens) })
			w.aws.StepFunctions.SetOutage(true)
			w.aws.StepFunctions.SetFaults(emulator.Faults{})
			stays(t, stateHeartbeat+time.Second, "the answers are owed", func() bool {
				return slices.Equal(k.states(t, tokens), []string{"pending"})
			})
			w.aws.StepFunctions.SetOutage(false)

			await(t, "the truth is found", func() bool { return slices.Equal(k.states(t, tokens), []string{c.state}) })
			require.Len(t, k.unanswered(t), c.unanswered)
			require.Equal(t, len(tokens), w.countAnswered(t, tokens))
			if c.denied {
				require.Equal(t, len(tokens), w.aws.StepFunctions.CallCounts()[emulator.ActionHistory], "it is asked once")
			}
		})
	}
}

// countAnswered returns how many tasks have an answer, and requires that none has two.
func (w *world) countAnswered(t *testing.T, tokens map[string]string) (n int) {
	t.Helper()
	for _, token := range tokens {
		n += w.task(t, token).Effective
	}
	return n
}

// The role may send heartbeats and no answers, for longer than the task waits for a heartbeat. The task stays open, and
// gets its answer when it may be sent.
func TestHeartbeatsWhileAnAnswerIsOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.start(t, w.config(t, beating))
	token := w.executions(t, k, 1, false)["A-0"]
	w.aws.StepFunctions.SetFaults(emulator.Faults{Deny: 1}, emulator.ActionSuccess)
	k.decide(t, "A-0")
	stays(t, 2*stateHeartbeat, "the task is open", func() bool { return w.task(t, token).State == emulator.TaskOpen })
	w.aws.StepFunctions.SetFaults(emulator.Faults{}, emulator.ActionSuccess)
	await(t, "the workflow is answered", func() bool { return w.task(t, token).Effective == 1 })
	await(t, "it is recorded", func() bool { return k.order(t, "A-0").Approvals[0].Callback.State == "delivered" })
}
