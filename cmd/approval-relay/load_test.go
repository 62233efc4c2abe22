package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host of callback URLs that is slow has the configured number of calls at the same time. The other answers to it wait for
// their turn: they are no failed attempts, and answers to other hosts do not wait for them.
func TestOneSlowHostDelaysNoOther(t *testing.T) {
	t.Parallel()
	const orders, slots = 2 * maxOfHost, maxOfHost
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	var running, most atomic.Int32
	hang := make(chan struct{})
	release := sync.OnceFunc(func() { close(hang) })
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			continue
		}
		<-hang
		w.WriteHeader(http.StatusNoContent)
	}))
	defer slow.Close()
	defer release()
	metrics := func() string {
		return do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret).text
	}
	request := func(order, callback string) {
		got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"callbackUrl":%q}`, order, callback))
		require.Less(t, got.status, 300, got.text)
	}
	decide := func(order string) int { return r.hub(t, decideBody("d-"+order, order, "approve", "")).status }
	// All requests come first and the decisions at once, see maxOfHost.
	for i := range orders {
		request(fmt.Sprint("slow-", i), slow.URL)
	}
	request("quick", p.calls.URL+"/quick")
	var deciders sync.WaitGroup
	for i := range orders {
		deciders.Go(func() { assert.Less(t, decide(fmt.Sprint("slow-", i)), 300) })
	}
	deciders.Wait()
	require.Less(t, decide("quick"), 300)
	eventually(t, "the answer to another host", func() bool { return len(p.calls.of("/quick")) == 1 })
	eventually(t, "the others wait", func() bool {
		return strings.Contains(metrics(), fmt.Sprintf("approval_relay_actions_waiting_orders{kind=%q} %d\n", "call_back", orders-slots))
	})
	require.EqualValues(t, slots, running.Load())

	release()
	eventually(t, "all are answered", func() bool {
		return strings.Contains(metrics(), fmt.Sprintf("approval_relay_callbacks_total{outcome=%q,target=%q} %d\n", "delivered", "http", orders+1))
	})
	text := metrics()
	require.EqualValues(t, slots, most.Load())
	require.Contains(t, text, fmt.Sprintf("approval_relay_callback_attempts_total{result=%q,target=%q} %d\n", "ok", "http", orders+1))
	require.Contains(t, text, fmt.Sprintf("approval_relay_callback_attempts_total{result=%q,target=%q} 0\n", "failed", "http"))
	require.Contains(t, text, `approval_relay_actions_waiting_orders{kind="call_back"} 0`)
}
