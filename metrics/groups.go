package metrics

import (
	"maps"

	"github.com/approval-relay/approval-relay/store"
)

// groupLoads returns the pending approvals of each group of approvers, by the workflows that name the group in the
// configuration. The approvals of workflows without a group form a group too. An approval that waits for two groups counts for both.
//
// The store is not asked for the approvers of an approval: a count of each group would cost every approval more writes, and
// a walk would read all orders.
func (c *storeCollector) groupLoads(s store.Stats) map[string]store.WorkflowStats {
	groupsOf := *c.groups.Load()
	out := map[string]store.WorkflowStats{}
	for _, groups := range groupsOf {
		for _, name := range groups {
			out[name] = store.WorkflowStats{}
		}
	}
	for workflow, w := range s.Workflows {
		groups := groupsOf[workflow]
		if len(groups) == 0 {
			groups = []string{other}
		}
		for _, name := range groups {
			out[name] = addPending(out[name], w)
		}
	}
	return out
}

// addPending returns the sum of two counts.
func addPending(sum, w store.WorkflowStats) store.WorkflowStats {
	sum.Pending += w.Pending
	if sum.Oldest.IsZero() || (!w.Oldest.IsZero() && w.Oldest.Before(sum.Oldest)) {
		sum.Oldest = w.Oldest
	}
	return sum
}

// setGroups sets the groups of the configuration in force.
func (m *Metrics) setGroups(c Config) {
	groups := maps.Clone(c.Groups)
	m.groups.Store(&groups)
}
