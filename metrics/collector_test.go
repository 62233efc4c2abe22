package metrics

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

func handlerFor(reg prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// ofStore selects the series that are read from the store.
func ofStore(all map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, v := range all {
		for _, begin := range []string{"store_up{", "approvals_pending", "oldest", "owed_orders", "fifth", "exhausted_orders", "retrying_orders", "dead_letters{"} {
			if strings.HasPrefix(name, begin) {
				out[name] = v
			}
		}
	}
	return out
}

func TestTheStoreIsReadAtEveryScrape(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	cases := map[string]struct {
		stats store.Stats
		err   error
		want  map[string]float64
	}{
		"nothing": {want: map[string]float64{
			"store_up{}":                                   1,
			`approvals_pending{workflow="payments"}`:       0,
			"owed_orders{}":                                0,
			"fifth_oldest_owed_age_seconds{}":              0,
			`oldest_owed_age_seconds{workflow="payments"}`: 0,
			"exhausted_orders{}":                           0,
			"retrying_orders{}":                            0,
			"dead_letters{}":                               0,
		}},
		"some": {
			stats: store.Stats{
				Workflows: map[string]store.WorkflowStats{
					"payments": {Pending: 3, Oldest: at(100)},
					"gone":     {Pending: 1, Oldest: at(50)},
					"gone too": {Pending: 2, Oldest: at(40)},
					"empty":    {},
				},
				Owed: map[string]store.OwedStats{
					"payments": {Orders: 6, Oldest: []time.Time{at(400), at(450), at(900), at(950), at(960)}},
					"gone":     {Orders: 2, Oldest: []time.Time{at(420), at(500)}},
				},
				Exhausted:   4,
				Retrying:    6,
				DeadLetters: 5,
				OldestDue:   at(200),
			},
			want: map[string]float64{
				"store_up{}":                                            1,
				`approvals_pending{workflow="payments"}`:                3,
				`approvals_pending{workflow="other"}`:                   3,
				`oldest_pending_timestamp_seconds{workflow="payments"}`: 100,
				`oldest_pending_timestamp_seconds{workflow="other"}`:    40,
				"owed_orders{}":                                         8,
				"fifth_oldest_owed_age_seconds{}":                       100,
				`oldest_owed_age_seconds{workflow="payments"}`:          600,
				`oldest_owed_age_seconds{workflow="other"}`:             580,
				"exhausted_orders{}":                                    4,
				"retrying_orders{}":                                     6,
				"dead_letters{}":                                        5,
				"oldest_due_timestamp_seconds{}":                        200,
			},
		},
		"down": {stats: store.Stats{Exhausted: 9}, err: errors.New("no"), want: map[string]float64{"store_up{}": 0}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, reg := fresh(t)
			m.RegisterStore(func(context.Context) (store.Stats, error) { return tc.stats, tc.err }, func() time.Time { return at(1000) })
			require.Equal(t, tc.want, ofStore(values(t, reg)))
		})
	}
}

// The load of a group is that of the workflows that name it in the configuration in force.
func TestLoadOfGroups(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	c := Config{
		Workflows: []string{"orders", "payments", "refunds"},
		Groups:    map[string][]string{"orders": {"finance", "legal"}, "payments": {"finance"}, "quiet": {"sales"}},
	}
	m := New(reg, c)
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	stats := store.Stats{Workflows: map[string]store.WorkflowStats{
		"orders":   {Pending: 100, Oldest: at(70)},
		"payments": {Pending: 300, Oldest: at(50)},
		"refunds":  {Pending: 7, Oldest: at(60)},
		"gone":     {Pending: 1, Oldest: at(80)},
	}}
	m.RegisterStore(func(context.Context) (store.Stats, error) { return stats, nil }, time.Now)
	groups := func() map[string]float64 {
		out := map[string]float64{}
		for name, v := range values(t, reg) {
			if rest, ok := strings.CutPrefix(name, "group_"); ok {
				out[rest] = v
			}
		}
		return out
	}
	require.Equal(t, map[string]float64{
		`approvals_pending{group="finance"}`:                400,
		`approvals_pending{group="legal"}`:                  100,
		`approvals_pending{group="sales"}`:                  0,
		`approvals_pending{group="other"}`:                  8,
		`oldest_pending_timestamp_seconds{group="finance"}`: 50,
		`oldest_pending_timestamp_seconds{group="legal"}`:   70,
		`oldest_pending_timestamp_seconds{group="other"}`:   60,
	}, groups())
	c.Groups = map[string][]string{"refunds": {"legal"}}
	m.AddNames(c)
	require.Equal(t, map[string]float64{
		`approvals_pending{group="legal"}`:                7,
		`approvals_pending{group="other"}`:                401,
		`oldest_pending_timestamp_seconds{group="legal"}`: 60,
		`oldest_pending_timestamp_seconds{group="other"}`: 50,
	}, groups(), "after a reload")
}

// The fifth oldest of all answers is found, except those that an operator holds.
func TestFifthOldestOwedAnswer(t *testing.T) {
	t.Parallel()
	m, reg := fresh(t)
	at := func(seconds ...int64) (times []time.Time) {
		for _, s := range seconds {
			times = append(times, time.Unix(s, 0))
		}
		return times
	}
	stats := store.Stats{Owed: map[string]store.OwedStats{
		"payments": {Orders: 900, Oldest: at(10, 20, 30, 40, 50)},
		"orders":   {Orders: 2, Oldest: at(25, 26)},
		"refunds":  {Orders: 1, Oldest: at(60)},
		"future":   {Orders: 1, Oldest: at(500)},
	}}
	m.RegisterStore(func(context.Context) (store.Stats, error) { return stats, nil }, func() time.Time { return time.Unix(100, 0) })
	fifth := func() float64 { return values(t, reg)["fifth_oldest_owed_age_seconds{}"] }
	require.InDelta(t, 70, fifth(), 0)
	m.ControlsChanged([]store.Control{{Workflow: "orders", Mode: store.ControlDrain}})
	require.InDelta(t, 70, fifth(), 0)
	m.ControlsChanged([]store.Control{{Workflow: "orders", Mode: store.ControlPause}})
	require.InDelta(t, 50, fifth(), 0)
	m.ControlsChanged([]store.Control{{Workflow: "payments", Mode: store.ControlPause}})
	require.InDelta(t, 0, fifth(), 0, "four are left")
	m.ControlsChanged([]store.Control{{Mode: store.ControlPause}})
	require.InDelta(t, 0, fifth(), 0)
	m.ControlsChanged(nil)
	require.InDelta(t, 70, fifth(), 0)
	require.InDelta(t, 904, values(t, reg)["owed_orders{}"], 0)
	require.InDelta(t, 90, values(t, reg)[`oldest_owed_age_seconds{workflow="payments"}`], 0, "also while it is paused")
	require.InDelta(t, 75, values(t, reg)[`oldest_owed_age_seconds{workflow="other"}`], 0)
}

// A store that hangs and ignores its context costs a scrape five seconds and the series of the store. It is read once.
func TestAHangingStoreLeavesTheScrapeAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, reg := fresh(t)
		var asked atomic.Int32
		release := make(chan struct{})
		free := sync.OnceFunc(func() { close(release) })
		defer free()
		m.RegisterStore(func(context.Context) (store.Stats, error) {
			asked.Add(1)
			<-release
			return store.Stats{}, nil
		}, time.Now)
		for range 3 {
			began := time.Now()
			require.Equal(t, map[string]float64{"store_up{}": 0}, ofStore(values(t, reg)))
			require.Equal(t, statsTimeout, time.Since(began))
		}
		require.EqualValues(t, 1, asked.Load())
		free()
		synctest.Wait()
		require.InDelta(t, 1, values(t, reg)["store_up{}"], 0)
	})
}
