package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// version returns the rules of one version of the file. The approver and the answer of an approval name the version that
// it was requested under.
func version(n int, callbacks string) string {
	return fmt.Sprintf(`
targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allow_http: true, allow_internal: true}}}
channels: {chat: {log: {}}}
workflows:
  orders:
    approvers: ["v%d@example.com"]
    requests: {fields: {callback: "'%s/' + body.orderId"}}
    callback: {output: {version: %d}}
`, n, callbacks, n)
}

// answers keeps the answer of each approval, by order.
type answers struct {
	mu      sync.Mutex
	byOrder map[string][]int // versions
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer struct{ Version int }
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	order := path.Base(r.URL.Path)
	a.byOrder[order] = append(a.byOrder[order], answer.Version)
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.byOrder)
}

// TestReloadUnderLoad runs 10,000 approvals while the file changes 50 times, five of them to a broken file. Every approval
// is answered once, by the rules that it was requested under.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	approvals, clients := 10_000, 16
	if testing.Short() {
		approvals = 1_000
	}
	const changes = 50
	received := &answers{byOrder: map[string][]int{}}
	server := httptest.NewServer(received)
	t.Cleanup(server.Close)
	r := startReloadedApp(t, version(0, server.URL))

	var sent atomic.Int64
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for i := client; i < approvals; i += clients {
				order := fmt.Sprintf("order-%d", i)
				if status, body := r.post(t, "/v1/requests", fmt.Sprintf(`{"orderId": %q}`, order)); status != http.StatusAccepted {
					t.Errorf("%s: request answered %d: %s", order, status, body)
				}
				decision := `{"outcome": "approve", "by": "ops", "reason": "load"}`
				if status, body := r.post(t, "/v1/orders/"+order+"/decide", decision); status != http.StatusOK {
					t.Errorf("%s: decision answered %d: %s", order, status, body)
				}
				sent.Add(1)
			}
		})
	}
	failed := 0
	for n := 1; n <= changes; n++ {
		require.Eventually(t, func() bool { return sent.Load() >= int64(approvals*n/(changes+1)) }, 2*time.Minute, time.Millisecond)
		text := version(n, server.URL)
		if n%10 == 0 {
			text += "    deadline: soon\n"
		}
		r.rewrite(t, text)
		if r.reloadNow(t) != nil {
			failed++
		}
	}
	group.Wait()
	require.Equal(t, changes/10, failed, "the broken files, and no others")
	require.Eventually(t, func() bool { return received.count() == approvals }, time.Minute, 10*time.Millisecond, "every order is answered")

	versions := map[int]int{}
	for i := range approvals {
		order := fmt.Sprintf("order-%d", i)
		o, err := r.store.Get(t.Context(), order)
		require.NoError(t, err)
		got := received.byOrder[order]
		require.Len(t, got, 1, "answers of %s", order)
		require.Equal(t, fmt.Sprintf("v%d@example.com", got[0]), o.Approvals[0].Approvers[0].ID, "%s was answered by other rules than it was requested under", order)
		versions[got[0]]++
	}
	require.NotContains(t, versions, 10, "a broken file")
	require.Greater(t, len(versions), changes/2, "the load went on while the file changed")
	t.Logf("%d approvals under %d versions of the file", approvals, len(versions))
}
