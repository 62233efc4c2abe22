package console

import (
	"maps"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// filterForm is the form that filters and sorts a list, and searches in it.
type filterForm struct {
	Text      string
	Workflow  string
	Approver  string
	States    []optionForm
	Workflows []string // suggestions
	Sorts     []optionForm
	OlderThan []optionForm
	Deadline  []optionForm
	Closed    []optionForm
}

func newFilterForm(q listQuery, stats *store.Stats) *filterForm {
	f := &filterForm{
		Text:     untrusted.SingleLine(q.text),
		Workflow: untrusted.SingleLine(q.workflow),
		Approver: untrusted.SingleLine(q.approver),
		Sorts: []optionForm{
			{Title: "as usual for the state"},
			{Value: sortAge, Title: "oldest request first"},
			{Value: sortDeadline, Title: "next deadline first"},
			{Value: sortClosed, Title: "last closed first"},
			{Value: sortOrder, Title: "by order ID"},
		},
		OlderThan: timeOptions(q.olderThan, "at any time", "", " ago or earlier", 1, 4, 24, 3*24, 7*24),
		Deadline:  timeOptions(q.deadlineWithin, "at any time", "within ", "", 1, 4, 24, 3*24),
		Closed:    timeOptions(q.closedWithin, "at any time", "within the last ", "", 1, 24, 7*24, 30*24),
	}
	for i, s := range f.Sorts {
		f.Sorts[i].Chosen = s.Value == q.sort
	}
	for _, s := range listStates() {
		f.States = append(f.States, optionForm{Value: s.name, Title: s.label, Chosen: s.name == q.state.name})
	}
	if stats != nil {
		for _, name := range slices.Sorted(maps.Keys(stats.Workflows)) {
			f.Workflows = append(f.Workflows, untrusted.SingleLine(name))
		}
	}
	return f
}

// timeOptions returns the choices of a time. Any other chosen time is added, so that the form shows it.
func timeOptions(chosen time.Duration, none, before, after string, hours ...time.Duration) []optionForm {
	out := []optionForm{{Title: none, Chosen: chosen == 0}}
	known := chosen == 0
	add := func(d time.Duration) {
		out = append(out, optionForm{
			Value:  formatParam(d),
			Title:  before + formatDuration(d) + after,
			Chosen: d == chosen,
		})
	}
	for _, h := range hours {
		known = known || h*time.Hour == chosen
		add(h * time.Hour)
	}
	if !known {
		add(chosen)
	}
	return out
}
