package operate

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// controlDelay is the time within which every worker obeys a control.
const controlDelay = 5 * time.Second

// settle waits until every worker obeys the controls.
func settle(t *testing.T) {
	t.Helper()
	stays(t, controlDelay, "", func() bool { return true })
}

// twoWorkflows are workflows with a queue each.
const twoWorkflows = `
channels: {log: {log: {}}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders:
    requests: {sqs: {queue: orders}}
    approvers: [ann@example.com]
    notify: [log]
    heartbeat: 1s
    callback: {retry: {base: 50ms, cap: 1s}}
  refunds:
    requests: {sqs: {queue: refunds}}
    approvers: [ann@example.com]
    notify: [log]
    heartbeat: 1s
    callback: {retry: {base: 50ms, cap: 1s}}
`

func newPauseWorld(t *testing.T) (*world, *worker) {
	t.Helper()
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	w.aws.SQS.CreateQueue("refunds")
	return w, w.start(t, w.config(t, twoWorkflows))
}

// notified returns how many messages about an order the log channel has written.
func (k *worker) notified(orderID string) int {
	return strings.Count(k.logs.String(), "  Order: "+orderID+"\n")
}

// A drained workflow takes nothing new, over HTTP or from its queue, and ends what it has. Another one goes on.
func TestDrain(t *testing.T) {
	t.Parallel()
	w, k := newPauseWorld(t)
	pending := w.ask(t, k, "orders", "A-1", time.Hour, 0)
	require.Equal(t, http.StatusOK, k.call(t, "PUT", "/v1/controls/orders", `{"mode":"drain","reason":"upgrade"}`, nil))
	require.Equal(t, "1", k.metric(t, `approval_relay_paused{mode="drain",workflow="orders"}`))

	var problem struct{ Type, Detail string }
	require.Equal(t, http.StatusServiceUnavailable, k.call(t, "POST", "/v1/requests?workflow=orders", requestBody("A-2", "token"), &problem))
	require.Equal(t, "urn:approval-relay:problem:paused", problem.Type)
	settle(t)
	queued := w.aws.StepFunctions.OpenTask(time.Hour, 0)
	w.aws.SQS.PutMessage("orders", requestBody("A-3", queued), nil)
	other := w.aws.StepFunctions.OpenTask(time.Hour, 0)
	w.aws.SQS.PutMessage("refunds", requestBody("B-1", other), nil)

	k.decide(t, "A-1")
	await(t, "what is pending is answered", func() bool { return w.task(t, pending).Effective == 1 })
	await(t, "the other workflow is asked", func() bool { return k.notified("B-1") == 1 })
	stays(t, 2*time.Second, "the message stays in the queue", func() bool {
		waiting, _ := w.aws.SQS.CountMessages("orders")
		return waiting == 1 && k.notified("A-3") == 0
	})

	require.Equal(t, http.StatusOK, k.call(t, "DELETE", "/v1/controls/orders", "", nil))
	await(t, "the message is read", func() bool { return k.notified("A-3") == 1 })
	require.Equal(t, "0", k.metric(t, `approval_relay_paused{mode="drain",workflow="orders"}`))
}

// A pause holds notifications and answers, and loses none. Decisions are recorded, and heartbeats go on. It outlives the
// worker.
func TestPause(t *testing.T) {
	t.Parallel()
	w, k := newPauseWorld(t)
	decided := w.ask(t, k, "orders", "A-1", time.Hour, 0)
	await(t, "the approver is told", func() bool { return k.notified("A-1") == 1 })
	w.aws.SQS.PutMessage("orders", requestBody("A-2", w.aws.StepFunctions.OpenTask(time.Hour, 0)), nil)
	await(t, "the approver is told", func() bool { return k.notified("A-2") == 1 })
	require.Equal(t, http.StatusOK, k.call(t, "PUT", "/v1/controls", `{"mode":"pause","reason":"the ERP is down"}`, nil))
	k.decide(t, "A-1")
	k.call(t, "POST", "/v1/orders/A-2/reminders", `{"reason":"test"}`, nil)

	heartbeats := func() int { return w.aws.StepFunctions.CallCounts()[emulator.ActionHeartbeat] }
	before := heartbeats()
	stays(t, 6*time.Second, "nothing is answered or sent", func() bool {
		return w.task(t, decided).Effective == 0 && k.notified("A-2") == 1
	})
	await(t, "the heartbeats go on", func() bool { return heartbeats() > before+1 })
	o := k.order(t, "A-1")
	require.Equal(t, "approved", o.Approvals[0].Status)
	require.Zero(t, o.Approvals[0].Callback.Attempts)

	k.kill()
	told := k.notified("A-2")
	k = w.start(t, k.config)
	require.Equal(t, 1, told)
	stays(t, 3*time.Second, "the pause outlives the worker", func() bool { return w.task(t, decided).Effective == 0 && k.notified("A-2") == 0 })
	require.Equal(t, http.StatusOK, k.call(t, "DELETE", "/v1/controls", `{"reason":"the ERP is back"}`, nil))
	await(t, "the workflow is answered", func() bool { return w.task(t, decided).Effective == 1 })
	await(t, "the reminder is sent", func() bool { return k.notified("A-2") == 1 })
	require.Equal(t, 1, k.order(t, "A-1").Approvals[0].Callback.Attempts)
	for _, part := range []string{`"level":"WARN","msg":"workflow resumed"`, `"reason":"the ERP is back"`, `"by":"olga"`} {
		require.Contains(t, k.logs.String(), part)
	}
}

// The commands drain, pause, resume and controls do what their routes do.
func TestControlCommands(t *testing.T) {
	t.Parallel()
	_, k := newPauseWorld(t)
	command := func(args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), program(t, "plain"), append(args, "--url=http://"+k.operator)...)
		c.Env = append(os.Environ(), "APPROVAL_RELAY_TOKEN="+operatorToken)
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	require.Contains(t, command("pause", "orders", "--reason=the ERP is down"), "the ERP is down")
	require.Contains(t, command("drain", "--reason=upgrade"), "all workflows")
	require.Contains(t, command("resume", "--reason=done"), "orders")
	require.Contains(t, command("controls"), "pause")
	require.Contains(t, command("resume", "orders"), "Nothing is drained or paused.")
}

// A store that is read-only takes neither requests nor decisions for now, from any way in, and begins nothing. Nothing of
// what was sent is lost.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	w, k := newPauseWorld(t)
	task := w.ask(t, k, "orders", "A-1", time.Hour, 0)
	await(t, "the approver is told", func() bool { return k.notified("A-1") == 1 })
	require.Equal(t, http.StatusUnprocessableEntity, k.call(t, "PUT", "/v1/controls/orders", `{"mode":"read-only","reason":"x"}`, nil))
	require.Equal(t, http.StatusOK, k.call(t, "PUT", "/v1/controls", `{"mode":"read-only","reason":"the store moves"}`, nil))
	require.Equal(t, "1", k.metric(t, `approval_relay_paused{mode="read-only",workflow="*"}`))

	var problem struct{ Type, Detail string }
	require.Equal(t, http.StatusServiceUnavailable, k.call(t, "POST", "/v1/requests?workflow=orders", requestBody("A-2", "token"), &problem))
	require.Equal(t, "urn:approval-relay:problem:paused", problem.Type)
	for _, c := range []struct{ path, body string }{
		{"/v1/orders/A-1/decide", `{"outcome":"approve","reason":"r"}`},
		{"/v1/orders/A-1/cancel", `{"reason":"r"}`},
		{"/v1/orders/A-1/reminders", `{"reason":"r"}`},
	} {
		require.Equal(t, http.StatusServiceUnavailable, k.call(t, "POST", c.path, c.body, &problem), c.path)
		require.Equal(t, "urn:approval-relay:problem:read-only", problem.Type, c.path)
	}
	settle(t)
	w.aws.SQS.PutMessage("orders", requestBody("A-3", w.aws.StepFunctions.OpenTask(time.Hour, 0)), nil)
	stays(t, 3*time.Second, "nothing changes", func() bool {
		waiting, _ := w.aws.SQS.CountMessages("orders")
		return waiting == 1 && k.order(t, "A-1").Approvals[0].Status == "pending" && w.task(t, task).Effective == 0
	})
	require.NotContains(t, k.logs.String(), "sweep failed")

	require.Equal(t, http.StatusOK, k.call(t, "DELETE", "/v1/controls", "", nil))
	k.decide(t, "A-1")
	await(t, "the message is read", func() bool { return k.notified("A-3") == 1 })
	await(t, "the workflow is answered", func() bool { return w.task(t, task).Effective == 1 })
}
