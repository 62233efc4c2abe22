package metrics

import (
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// owedAges has the ages of owed answers, in seconds.
type owedAges struct {
	orders int
	oldest map[string]float64 // by workflow
	fifth  float64
}

// groupOwed returns the ages of owed answers. The workflows that are not configured count as a single workflow.
//
// The fifth oldest answer is what an alert looks at: an answer or two that nobody accepts wake nobody, and neither do many
// answers that are each tried again for a short time. An operator who pauses a workflow knows that its answers wait.
func (c *storeCollector) groupOwed(s store.Stats) owedAges {
	now := c.now()
	ageOf := func(since time.Time) float64 { return max(0, now.Sub(since).Seconds()) }
	out := owedAges{oldest: map[string]float64{}}
	for _, name := range c.workflows.allValues() {
		out.oldest[name] = 0
	}
	var oldest []time.Time
	for name, w := range s.Owed {
		if !c.isPaused(name) {
			oldest = store.KeepOldest(append(oldest, w.Oldest...)...)
		}
		if !slices.Contains(c.workflows.allValues(), name) {
			name = other
		}
		out.orders += w.Orders
		if len(w.Oldest) > 0 {
			out.oldest[name] = max(out.oldest[name], ageOf(w.Oldest[0]))
		}
	}
	if len(oldest) == store.OldestOwed {
		out.fifth = ageOf(oldest[store.OldestOwed-1])
	}
	return out
}
