package operate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A rate limit of a channel spreads a burst of requests: every approver is told once, none of the messages that waited is an
// attempt, and no faster than the channel's rate.
func TestRateOfAChannel(t *testing.T) {
	t.Parallel()
	const orders, rate, burst = 50, 10, 5
	var mu sync.Mutex
	var arrived []time.Time
	ids := map[string]int{}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, time.Now())
		ids[r.Header.Get("webhook-id")]++
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(hook.Close)
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	k := w.start(t, w.config(t, fmt.Sprintf(`
channels:
  hook: {webhook: {url: %q, secrets: [whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=], allow_internal: true, rate: %d, burst: %d}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders:
    requests: {sqs: {queue: orders}}
    approvers: [ann@example.com]
    notify: [hook]
`, hook.URL, rate, burst)))
	for i := range orders {
		w.aws.SQS.PutMessage("orders", requestBody(fmt.Sprintf("A-%d", i), w.aws.StepFunctions.OpenTask(time.Hour, 0)), nil)
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(arrived)
	}
	await(t, "every approver is told", func() bool { return count() >= orders })
	await(t, "all are recorded", func() bool {
		return k.metric(t, `approval_relay_notifications_total{channel="hook"}`) == fmt.Sprint(orders)
	})
	require.Equal(t, fmt.Sprint(orders), k.metric(t, `approval_relay_notification_requests_total{channel="hook"}`), "attempts")
	for _, series := range []string{"notifications_failed_total", "notification_requests_failed_total"} {
		require.Equal(t, "0", k.metric(t, `approval_relay_`+series+`{channel="hook"}`), series)
	}
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, arrived, orders)
	require.Len(t, ids, orders, "each once")
	require.Greater(t, arrived[orders-1].Sub(arrived[0]), (orders-burst-1)*time.Second/rate-time.Second, "no faster than the rate")
}
