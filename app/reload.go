package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
)

// Reload reads the configuration again and replaces the rules, all or nothing: after an error the program keeps its
// rules. Approvals keep the rules of the time of their request. The error is
// *config.Faults if the file is wrong, *RestartError if it changes a setting that needs a restart.
func (a *App) Reload(ctx context.Context, cause string) ([]config.Finding, error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	warnings, err := a.reload(ctx)
	a.metrics.ConfigRead(time.Now(), err)
	if err != nil {
		a.log.ErrorContext(ctx, "configuration not reloaded; the program runs with the one it had", "cause", cause, "error", err.Error())
		return nil, err
	}
	for _, warning := range warnings {
		a.log.WarnContext(ctx, "configuration", "line", warning.Line, "field", warning.Field, "message", warning.Message)
	}
	a.log.InfoContext(ctx, "configuration reloaded", "cause", cause)
	return warnings, nil
}

func (a *App) reload(ctx context.Context) ([]config.Finding, error) {
	if a.options.Load == nil {
		return nil, errors.New("the program has no configuration file")
	}
	c, warnings, err := a.options.Load()
	if err != nil {
		return nil, err
	}
	if fields := restartFields(a.config, c); len(fields) > 0 {
		return nil, &RestartError{Fields: fields}
	}
	ring, err := a.readKeysAgain(ctx)
	if err != nil {
		return nil, err
	}
	a.nextRing = ring
	previous := a.rules.Load()
	next, err := a.makeRules(c, previous)
	if err != nil {
		return nil, err
	}
	applyLimits, err := a.inbound.prepare(c)
	if err != nil {
		return nil, err
	}
	a.metrics.AddNames(metricNames(c))
	// A source that the configuration no longer has stays in the router: no request leads to it, and the sender of a
	// message on its way is told to send it again.
	s := a.httpSources(c)
	if err := a.router.AddSources(ctx, s.requests, s.decisions); err != nil {
		return nil, err
	}
	applyLimits()
	a.replaceKeys(ctx, ring)
	a.rules.Store(next)
	previous.retire(next)
	if a.options.Level != nil {
		_ = a.options.Level.UnmarshalText([]byte(c.Log.Level)) // validated
	}
	if next.signIn != nil {
		select {
		case <-a.providers: // a provider whose lookup has not begun
		default:
		}
		a.providers <- next.signIn
	}
	return warnings, nil
}

// RestartError is the error of a reload that changes settings of the start, such as listeners and the store.
type RestartError struct{ Fields []string }

// Error names the fields.
func (e *RestartError) Error() string {
	return fmt.Sprintf("a restart is needed for a change of %s", strings.Join(e.Fields, ", "))
}

// reloadForOperator reloads by order of an operator, and describes a refusal to them.
func (a *App) reloadForOperator(ctx context.Context) (api.Reloaded, error) {
	cause := approval.OperatorSource
	if p, ok := handlers.PrincipalOf(ctx); ok {
		cause = p.ID()
	}
	warnings, err := a.Reload(ctx, cause)
	faults := &config.Faults{}
	switch {
	case errors.As(err, &faults):
		refusal := &api.ReloadError{Message: "the configuration has faults"}
		for _, f := range faults.Faults {
			refusal.Faults = append(refusal.Faults, f.String())
		}
		return api.Reloaded{}, refusal
	case err != nil:
		return api.Reloaded{}, &api.ReloadError{Message: err.Error()}
	}
	answer := api.Reloaded{Warnings: []string{}}
	for _, w := range warnings {
		answer.Warnings = append(answer.Warnings, w.String())
	}
	return answer, nil
}

// addReloader adds the reloads that a signal or a changed file asks for.
func (a *App) addReloader(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		changes := make(<-chan time.Time)
		if a.options.File != "" && a.options.WatchInterval > 0 {
			ticker := time.NewTicker(a.options.WatchInterval)
			defer ticker.Stop()
			changes = ticker.C
		}
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-a.options.Hangup:
				_, _ = a.Reload(ctx, "SIGHUP") // logged and counted there
			case <-changes:
				if a.watch.changed(a.rules.Load().config) {
					_, _ = a.Reload(ctx, "changed file")
				}
			}
		}
	}, func(error) { cancel() })
}
