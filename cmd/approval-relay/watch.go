package main

import (
	"fmt"
	"time"
)

// watchFlags repeat a command.
type watchFlags struct {
	Watch    bool          `short:"w" group:"Output" help:"Print again and again, until it is interrupted."`
	Interval time.Duration `default:"5s" group:"Output" help:"Time between two prints of --watch, 1s or more."`
}

// repeat runs show once, or with --watch until the command is interrupted. On a terminal each run replaces the one before.
// While it is repeated, a failure is printed in its place: the worker may be back at the next run.
func (f *watchFlags) repeat(w *world, show func() error) error {
	switch {
	case !f.Watch:
		return show()
	case f.Interval < time.Second:
		return &statusError{fmt.Errorf("--interval must be at least 1s, not %s", f.Interval), statusUsage}
	}
	ticker := time.NewTicker(f.Interval)
	defer ticker.Stop()
	for {
		if isTerminal(w.stdout) {
			fmt.Fprint(w.stdout, "\x1b[2J\x1b[H") // clear, and go to the upper left corner
		}
		if err := show(); err != nil && w.ctx.Err() == nil {
			if status := exitStatus(err); status != statusUnavailable {
				return err
			}
			fmt.Fprintf(w.stderr, "approval-relay: %s\n", err)
		}
		select {
		case <-w.ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
