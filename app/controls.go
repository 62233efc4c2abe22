package app

import (
	"context"
	"fmt"

	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/store"
)

// addControls adds the look at the controls that operators set at any worker.
func (a *App) addControls(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		a.controls.Run(ctx)
		return nil
	}, func(error) { cancel() })
}

// readControls reads the controls at the start. A worker does not start on a store that was moved.
func (a *App) readControls(ctx context.Context) error {
	if err := a.controls.Refresh(ctx); err != nil {
		return err
	}
	if control, isReadOnly := store.FindReadOnly(a.controls.List()); isReadOnly && control.Mode == store.ControlMoved {
		return fmt.Errorf("open store: %w: %s", store.ErrMoved, control.Reason)
	}
	return nil
}

// describeControls returns what operators have drained or paused, one line each. Reasons and names of people are not for
// everybody who can reach a probe.
func (a *App) describeControls() []string {
	var lines []string
	for _, c := range a.controls.List() {
		workflow := "all workflows"
		if c.Workflow != "" {
			workflow = "workflow " + c.Workflow
		}
		switch c.Mode {
		case store.ControlDrain:
			lines = append(lines, workflow+": drained, no new requests are taken")
		case store.ControlPause:
			lines = append(lines, workflow+": paused, notifications and answers are held")
		case store.ControlReadOnly:
			lines = append(lines, workflow+": read-only, nothing is taken and nothing is begun")
		case store.ControlMoved: // not ready, see checkReadiness
		}
	}
	return lines
}
