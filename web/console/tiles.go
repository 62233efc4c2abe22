package console

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// shownWorkflows is the number of workflows with a tile.
const shownWorkflows = 12

// tileView links to a list, with the number of its approvals.
type tileView struct {
	Label   string
	Href    string
	Count   string // empty if it is not counted
	Tone    string // good, warn, bad, or empty
	Current bool   // it is the list on the page
}

// workflowView links to the approvals of a workflow.
type workflowView struct {
	Name    string
	Href    string
	Pending string
	Oldest  string
	Current bool
}

// addTiles adds the links to the states, and to the workflows with pending approvals.
func (p *listPage) addTiles(q listQuery, now time.Time) {
	for _, state := range listStates() {
		if state.name == stateAttention { // the menu has it
			continue
		}
		t := tileView{
			Label:   state.label,
			Href:    q.inState(state).path(),
			Current: state.name == q.state.name,
		}
		if n, ok := countState(p.stats, state.name); ok && (p.hasTotals || state.name == statePending) {
			t.Count = formatNumber(n)
			if n > 0 {
				t.Tone = state.tone
			}
		}
		p.States = append(p.States, t)
	}
	if p.stats == nil || q.state.name != statePending {
		return
	}
	names := slices.Sorted(maps.Keys(p.stats.Workflows))
	if len(names) > shownWorkflows { // those with the most pending approvals
		slices.SortStableFunc(names, func(a, b string) int {
			return cmp.Compare(p.stats.Workflows[b].Pending, p.stats.Workflows[a].Pending)
		})
		p.Further = len(names) - shownWorkflows
		names = names[:shownWorkflows]
	}
	for _, name := range names {
		counts := p.stats.Workflows[name]
		one := q
		if one.workflow = name; q.workflow == name {
			one.workflow = ""
		}
		p.Workflows = append(p.Workflows, workflowView{
			Name:    untrusted.MultiLine(name),
			Href:    one.path(),
			Pending: formatNumber(counts.Pending),
			Oldest:  formatAge(counts.Oldest, now),
			Current: q.workflow == name,
		})
	}
}

// countState returns the number of approvals in a state. It returns false for a state that is not counted.
func countState(stats *store.Stats, state string) (int, bool) {
	if stats == nil {
		return 0, false
	}
	switch state {
	case statePending:
		return countPending(stats), true
	case stateExhausted:
		return stats.Exhausted, true
	case stateRetrying:
		return stats.Retrying, true
	case stateUndeliverable:
		return stats.Undeliverable, true
	case stateUnanswered:
		return stats.Unanswered, true
	}
	return 0, false
}

func countPending(stats *store.Stats) int {
	pending := 0
	for _, w := range stats.Workflows {
		pending += w.Pending
	}
	return pending
}

// countAttention returns how many orders the list of approvals that need attention has. An order that is there for two
// reasons counts twice.
func countAttention(stats *store.Stats) int {
	return stats.Exhausted + stats.Undeliverable + stats.Unanswered + stats.Retrying
}
