package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metrics"
)

// TestOneHostHoldsUpNoOther has one host of callback URLs hang, and another down: each
// has no more than its own room, and the rest is answered.
func TestOneHostHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	c, err := parse("relay.yaml", []byte(`targets: {http: {http: {secrets: ["`+signingSecret+`"], allow_http: true, allow_internal: true}}}`), testenv)
	require.NoError(t, err)
	r := &relay{config: c, metrics: metrics.New(reg, metricNames(c)), aws: newClouds(t.Context(), c.AWS)}
	targets, _, err := r.targets()
	require.NoError(t, err)

	hang := make(chan struct{})
	var waiting atomic.Int32
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { waiting.Add(1); <-hang }))
	defer slow.Close()
	release := sync.OnceFunc(func() { close(hang) })
	defer release()
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer down.Close()
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer fast.Close()
	answer := func(url string) approval.Answer {
		return approval.Answer{OrderID: "A-1", ApprovalID: "1", Token: approval.NewToken(url), Status: approval.Approved, ClosedAt: time.Now()}
	}

	var group sync.WaitGroup
	for range perHost {
		group.Go(func() { _ = targets["http"].Deliver(t.Context(), answer(slow.URL)) })
	}
	require.Eventually(t, func() bool { return waiting.Load() == perHost }, 8*time.Second, time.Millisecond)
	result := approval.ResultOf(targets["http"].Deliver(t.Context(), answer(slow.URL)))
	require.Equal(t, approval.ResultFailed, result.Kind)
	require.Contains(t, result.Reason, "not sent")

	for range 10 {
		require.Error(t, targets["http"].Deliver(t.Context(), answer(down.URL)))
	}
	require.NoError(t, targets["http"].Deliver(t.Context(), answer(fast.URL)))
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`# HELP approval_relay_target_places_held Places of a target, the AWS API or the hosts of callback URLs, that did not answer several times in a row: they are asked once in a while, the rest waits.
# TYPE approval_relay_target_places_held gauge
approval_relay_target_places_held{target="http"} 1
approval_relay_target_places_held{target="stepfunctions"} 0
`), "approval_relay_target_places_held"))
	release()
	group.Wait()
}
