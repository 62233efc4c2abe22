package role_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/role"
)

// Each role has exactly the rights of this table, without limits and with them.
func TestRolesAndRights(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		role          role.Role
		all, ofOrders []role.Right
	}{
		{role.Viewer, []role.Right{role.Read, role.Metrics}, []role.Right{role.Read}},
		{role.Auditor, []role.Right{role.Read, role.Audit, role.Metrics}, []role.Right{role.Read, role.Audit}},
		{role.Operator, []role.Right{role.Read, role.Audit, role.Act, role.Metrics}, []role.Right{role.Read, role.Audit, role.Act}},
		{role.Admin, role.Rights(), []role.Right{role.Read, role.Audit, role.Act}},
		{role.Scraper, []role.Right{role.Metrics}, nil},
		{"", nil, nil},
		{"root", nil, nil},
	} {
		for _, right := range append(role.Rights(), "", "everything") {
			require.Equal(t, contains(tc.all, right), role.Grants{{Role: tc.role}}.May(right), "%s %s", tc.role, right)
			limited := role.Grants{{Role: tc.role, Workflows: []string{"orders"}}}
			require.Equal(t, contains(tc.ofOrders, right), limited.May(right), "%s of orders %s", tc.role, right)
			require.Equal(t, contains(tc.ofOrders, right), limited.MayOn(right, "orders"), "%s %s", tc.role, right)
			require.False(t, limited.MayOn(right, "refunds"), "%s %s", tc.role, right)
			require.False(t, limited.MayOn(right, ""), "%s %s", tc.role, right)
		}
	}
}

func contains(rights []role.Right, right role.Right) bool {
	return slices.Contains(rights, right)
}

// Several grants add up, right by right: who sees everything and acts on one workflow may only look at the others.
func TestGrantsAddUpByRight(t *testing.T) {
	t.Parallel()
	g := role.Grants{
		{Role: role.Viewer},
		{Role: role.Operator, Workflows: []string{"refunds", "orders"}},
		{Role: role.Operator, Workflows: []string{"orders"}},
	}
	require.Equal(t, role.Everything(), g.Scope(role.Read))
	require.Equal(t, role.Scope{Workflows: []string{"orders", "refunds"}}, g.Scope(role.Act))
	require.Equal(t, role.Scope{}, g.Scope(role.Administer))
	require.False(t, g.MayOn(role.Audit, "payroll"))
	require.Equal(t, []string{"viewer", "operator"}, g.Names())
	require.False(t, role.Grants(nil).May(role.Read))
}

// A scope without workflows must not turn into one without limits.
func TestEmptyScopeLimits(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{""}, role.Scope{}.Limit())
	require.Nil(t, role.Everything().Limit())
	require.Equal(t, []string{"orders"}, role.Scope{Workflows: []string{"orders"}}.Limit())
}

func TestScopeOfSources(t *testing.T) {
	t.Parallel()
	s := role.Scope{Workflows: []string{"orders"}}
	for source, want := range map[string]bool{
		"request-orders": true, "request-refunds": false, "decision-orders": false, "api": false, "console": false,
		"orders": false, "request-": false, "request-orders-http": false, "other": false, "": false,
	} {
		require.Equal(t, want, s.IncludesSource(source), source)
		require.True(t, role.Everything().IncludesSource(source))
		require.False(t, role.Scope{}.IncludesSource(source))
	}
}
