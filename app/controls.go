package app

import (
	"context"

	group "github.com/oklog/run"
)

// addControls adds the look at the controls that operators set at any worker.
func (a *App) addControls(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		a.controls.Run(ctx)
		return nil
	}, func(error) { cancel() })
}
