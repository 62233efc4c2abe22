package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/store"
)

// The groups of the metrics are those that workflows name as approvers, and no person, source or unused group.
func TestGroupsOfTheMetrics(t *testing.T) {
	t.Parallel()
	c := parseConfig(t, `
groups: {finance: [ann, bob], legal: [lea], unused: [uma]}
workflows:
  orders: {approvers: ["group:finance", zoe, "group:legal", "group:finance"], notify: []}
  payments: {approvers: ["group:finance"], notify: [], escalations: [{after: 1h, to: ["group:legal"]}]}
  refunds: {approvers: [ann], notify: []}
`)
	reg := prometheus.NewRegistry()
	m := metrics.New(reg, metricNames(c))
	m.RegisterStore(func(context.Context) (store.Stats, error) {
		return store.Stats{Workflows: map[string]store.WorkflowStats{
			"orders": {Pending: 3}, "payments": {Pending: 5}, "refunds": {Pending: 2},
		}}, nil
	}, time.Now)
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP approval_relay_group_approvals_pending `+
		`Pending approvals of the workflows whose approvers name this group in the configuration; `+
		`other has the workflows without a group. An approval that waits for two groups counts for both.
# TYPE approval_relay_group_approvals_pending gauge
approval_relay_group_approvals_pending{group="finance"} 8
approval_relay_group_approvals_pending{group="legal"} 3
approval_relay_group_approvals_pending{group="other"} 2
`), "approval_relay_group_approvals_pending"))
}
