package app

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// A queue that fails is named beside the readiness, which it does not change, and its gauge is 0.
func TestFailingQueueIsADetailOfReadiness(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := metrics.New(registry, metrics.Config{Queues: []string{"request-orders", "decision-erp"}})
	state := func(name string) *queueState { return &queueState{Observer: m.QueueMetrics(name)} }
	a := &App{queues: &queues{states: map[string]*queueState{
		"request-orders": state("request-orders"),
		"decision-erp":   state("decision-erp"),
	}}}
	require.Empty(t, a.describeReadiness())
	a.queues.states["request-orders"].ReceiveFailed()
	a.queues.states["decision-erp"].ReceiveSucceeded(0)
	require.Equal(t, []string{"receiving fails: request-orders"}, a.describeReadiness())
	receiving, err := testutil.GatherAndCount(registry, "approval_relay_sqs_receiving")
	require.NoError(t, err)
	require.Equal(t, 2, receiving)
	a.queues.states["request-orders"].ReceiveSucceeded(1)
	require.Empty(t, a.describeReadiness())
}

// What operators have drained or paused is a detail of readiness: whoever asks why nothing moves reads it there. Why, and by
// whom, is not told to everybody.
func TestControlsAreADetailOfReadiness(t *testing.T) {
	t.Parallel()
	c := parseConfig(t, "workflows: {orders: {approvers: [ann@example.com]}}")
	a := appOf(t, prometheus.NewRegistry(), c)
	a.queues = &queues{}
	a.controls = &handlers.Controls{
		Keeper:    memory.New(),
		Workflows: func() []string { return []string{"orders"} },
		Observer:  a.metrics,
		Log:       a.log,
		Now:       time.Now,
	}
	require.Empty(t, a.describeReadiness())
	set := func(workflow string, mode store.ControlMode) {
		control := store.Control{Workflow: workflow, Mode: mode, By: "olga", Reason: "the ERP is down"}
		require.NoError(t, a.controls.Set(t.Context(), control))
	}
	set("orders", store.ControlPause)
	set("", store.ControlDrain)
	require.ElementsMatch(t, []string{
		"all workflows: drained, no new requests are taken",
		"workflow orders: paused, notifications and answers are held",
	}, a.describeReadiness())
	require.NoError(t, a.controls.Remove(t.Context(), "orders", "olga", "", ""))
	require.NoError(t, a.controls.Remove(t.Context(), "", "olga", "", ""))
	require.Empty(t, a.describeReadiness())
}

// The program starts although the queue of a workflow does not exist.
func TestMissingQueueDoesNotEndTheStart(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	_, denied := countingServer(t)
	a := appOf(t, prometheus.NewRegistry(), parseConfig(t, `aws: {region: eu-west-1, endpoint: "`+denied+`"}
decisions: {erp: {topic: "arn:aws:sns:eu-west-1:111122223333:T", subscribe: true, sqs: {queue: missing}}}`))
	q, err := a.openQueues()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	messages, err := q.decisions[0].Subscriber.Subscribe(ctx, q.decisions[0].Topic)
	require.NoError(t, err)
	a.queues = q
	require.Eventually(t, func() bool { return len(a.describeReadiness()) == 1 }, time.Minute, time.Millisecond)
	cancel()
	_, open := <-messages
	require.False(t, open, "the shutdown is quick")
}
