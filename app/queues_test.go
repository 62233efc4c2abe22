package app

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metrics"
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

// The program starts although the queue of a workflow does not exist.
func TestMissingQueueDoesNotEndTheStart(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	_, denied := countingServer(t)
	a := appOf(t, prometheus.NewRegistry(), parseConfig(t, `aws: {region: eu-west-1, endpoint: "`+denied+`"}
decisions: {erp: {topic: "arn:aws:sns:eu-west-1:111122223333:T", subscribe: true, sqs: {queue: missing}}}`))
	q, err := a.openQueues(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	messages, err := q.decisions[0].Subscriber.Subscribe(ctx, q.decisions[0].Topic)
	require.NoError(t, err)
	a.queues = q
	require.Eventually(t, func() bool { return len(a.describeReadiness()) == 1 }, 8e9, 1e6)
	cancel()
	_, open := <-messages
	require.False(t, open, "the shutdown is quick")
}
