package app

import (
	"context"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// restoredShown is how long readiness says that the store was restored from a copy.
const restoredShown = 72 * time.Hour

// warnRestored warns if the store was restored lately. A store that cannot tell is not worth an end.
func (a *App) warnRestored(ctx context.Context) {
	keeper, ok := a.inner.(store.Restored)
	if !ok {
		return
	}
	r, isRestored, err := keeper.Restoration(ctx)
	if err != nil {
		a.log.Warn("it cannot be found out whether the store was restored", "error", err.Error())
		return
	}
	if !isRestored || a.clock.Now().Sub(r.Restored) >= restoredShown {
		return
	}
	a.restored = &r
	a.log.Warn("the store was restored from a copy: requests, decisions and answers after the copy are unknown; "+
		"see \"After a restore\" in docs/upgrade.md", "copy_until", formatTime(r.Copied), "restored", formatTime(r.Restored))
}

// describeRestored returns the line about a store that was restored lately.
func (a *App) describeRestored() []string {
	if a.restored == nil || a.clock.Now().Sub(a.restored.Restored) >= restoredShown {
		return nil
	}
	return []string{fmt.Sprintf("restored at %s from a copy of the store until %s: what happened after the copy is unknown",
		formatTime(a.restored.Restored), formatTime(a.restored.Copied))}
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}
