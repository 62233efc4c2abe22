package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// Migration moves everything from a store to another, empty one. The records are copied as they are, with the task tokens
// sealed as they are. At its end the old store is marked as moved, so that every worker refuses it.
type Migration struct {
	From, To Store
	Sealer   store.Sealer // opens the records of both
	KeyID    string       // of the key that seals in To from now on
	// ToName is the name of the new store, for the mark of the old one.
	ToName string
	// SkipLost leaves out what cannot be read. Otherwise nothing is written if there is such a record or dead letter.
	SkipLost bool
	// Live is set if workers may use the old store. It is nil if all are stopped.
	Live *Live
	// Trust is that of Live, for a worker that nobody has stopped by mistake. It is 0 if there can be none.
	Trust time.Duration
	// Report is called with everything that cannot be read.
	Report   func(store.Fault)
	Progress Progress

	moving
}

// Live has the times that workers on the old store need to obey a control.
type Live struct {
	// Settle is the time until the actions that workers have begun before a pause have ended, and are recorded.
	Settle time.Duration
	// Trust is the time until no worker changes a store any more, and acknowledges that, after it became read-only.
	Trust time.Duration
}

// moving is the state of a migration that runs.
type moving struct {
	copied   map[string]copiedRecord // the records in the target, by order ID
	pass     int                     // the number of the pass over the source
	control  store.Control           // of all workflows, as the migration has set it
	previous *store.Control          // the control of all workflows before the migration, or nil
	since    time.Time               // the source is read-only since then
	// What the survey at the beginning could not read.
	lostOrders  map[string]bool
	lostLetters int
}

// Summary is what a store has, or what was moved.
type Summary struct {
	Orders       int    `json:"orders"`
	Digest       string `json:"digest"`
	DeadLetters  int    `json:"deadLetters"`
	LetterDigest string `json:"deadLetterDigest"`
	Controls     int    `json:"controls"` // without the migration's own
	Lost         int    `json:"lost"`     // orders and dead letters that cannot be read
}

// Moved is the result of a migration.
type Moved struct {
	Summary

	Resumed bool `json:"resumed"`
	// ReadOnly is how long the source was read-only before it was marked as moved.
	ReadOnly time.Duration `json:"-"`
}

// imports is the number of records that are imported at the same time.
const imports = 32

// actor is the operator of the controls that a migration sets.
const actor = "store migrate"

// maxPasses bounds the passes over a source that is read-only. Another pass is needed only if a worker was so slow that it
// changed the source after the time of trust. The change is not acknowledged, but the target gets it all the same.
const maxPasses = 5

// Run moves everything, and compares both stores at the end. Until that has succeeded, the target is marked, and no worker
// starts on it. After an error, Run can begin again.
func (m *Migration) Run(ctx context.Context) (Moved, error) {
	isMoved, err := m.readControls(ctx)
	if err != nil {
		return Moved{}, err
	}
	if isMoved {
		return m.complete(ctx)
	}
	source, err := m.survey(ctx, m.From, "read", m.noteLost)
	if err != nil {
		return Moved{}, err
	}
	if source.Lost > 0 && !m.SkipLost {
		return Moved{}, fmt.Errorf("%d orders and dead letters cannot be read: nothing was moved", source.Lost)
	}
	resumed, err := m.To.BeginImport(ctx)
	if err != nil {
		return Moved{}, err
	}
	out := Moved{Resumed: resumed}
	if out.Summary, err = m.move(ctx, resumed); err != nil {
		err = errors.Join(err, m.release(ctx))
		return out, fmt.Errorf("%w; the target is incomplete, and no worker starts on it: run the command again", err)
	}
	out.ReadOnly = time.Since(m.since)
	if out.Controls, err = m.copyLastControls(ctx); err != nil {
		return out, err
	}
	return out, m.To.EndImport(ctx)
}

// readControls reads the control of all workflows. It reports whether the source was moved by an earlier run.
func (m *Migration) readControls(ctx context.Context) (isMoved bool, err error) {
	controls, err := m.From.Controls(ctx)
	if err != nil {
		return false, err
	}
	m.moving = moving{copied: map[string]copiedRecord{}, lostOrders: map[string]bool{}}
	current, exists := findForAll(controls)
	if exists && current.By != actor { // an interrupted run has not restored it
		m.previous = &current
	}
	if current.Mode != store.ControlMoved {
		return false, nil
	}
	m.control = current
	return true, nil
}

// findForAll returns the control of all workflows, if there is one.
func findForAll(controls []store.Control) (found store.Control, exists bool) {
	i := slices.IndexFunc(controls, func(c store.Control) bool { return c.Workflow == "" })
	if i < 0 {
		return store.Control{}, false
	}
	return controls[i], true
}

// complete completes a migration that was interrupted after it had marked the source as moved.
func (m *Migration) complete(ctx context.Context) (Moved, error) {
	resumed, err := m.To.BeginImport(ctx)
	if err != nil {
		return Moved{}, fmt.Errorf("%w: %w", store.ErrMoved, err)
	}
	source, err := m.survey(ctx, m.From, "verify the source", nil)
	if err != nil {
		return Moved{}, err
	}
	target, err := m.survey(ctx, m.To, "verify", nil)
	if err != nil {
		return Moved{}, err
	}
	target.Lost, target.Controls = source.Lost, source.Controls // the control of all workflows may be gone from the source
	if err := compare(source, target); err != nil {
		return Moved{}, fmt.Errorf("%w: %w", store.ErrMoved, err)
	}
	if err := m.From.MarkMoved(ctx, m.control, m.control); err != nil {
		return Moved{}, err
	}
	if source.Controls, err = m.copyLastControls(ctx); err != nil {
		return Moved{}, err
	}
	return Moved{Summary: source, Resumed: resumed}, m.To.EndImport(ctx)
}

// move copies everything, and marks the source as moved.
func (m *Migration) move(ctx context.Context, resumed bool) (Summary, error) {
	if resumed {
		if err := m.readTarget(ctx); err != nil {
			return Summary{}, err
		}
	}
	if m.Live != nil { // the bulk, while workers go on
		if _, err := m.copyRecords(ctx); err != nil {
			return Summary{}, err
		}
		if err := m.setControl(ctx, store.ControlPause, m.Live.Settle); err != nil {
			return Summary{}, err
		}
	}
	trust := m.Trust
	if m.Live != nil {
		trust = m.Live.Trust
	}
	m.since = time.Now()
	if err := m.setControl(ctx, store.ControlReadOnly, trust); err != nil {
		return Summary{}, err
	}
	source, err := m.copyUntilEqual(ctx)
	if err != nil {
		return source, err
	}
	moved := m.control
	moved.Mode = store.ControlMoved
	moved.Reason = "everything was moved to " + m.ToName
	return source, m.From.MarkMoved(ctx, m.control, moved)
}

// setControl sets the control of all workflows at the source, and waits until every worker obeys it. It does not replace a
// control that an operator has set since the migration set its own.
func (m *Migration) setControl(ctx context.Context, mode store.ControlMode, wait time.Duration) error {
	if err := m.requireOwnControl(ctx); err != nil {
		return err
	}
	if m.previous != nil && m.previous.Mode.IsReadOnly() { // a pause would take decisions again
		mode = store.ControlReadOnly
	}
	c := store.Control{Mode: mode, By: actor, Reason: "the store is being moved to " + m.ToName, Since: time.Now().UTC()}
	if err := m.From.SetControl(ctx, c); err != nil {
		return err
	}
	controls, err := m.From.Controls(ctx)
	if err != nil {
		return err
	}
	m.control, _ = findForAll(controls) // as it is stored
	m.Progress("wait until every worker obeys the mode "+string(mode), 0)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// requireOwnControl reads the control of all workflows before the migration replaces it. Before its first control, it
// learns the control that an operator may have set during a long copy.
func (m *Migration) requireOwnControl(ctx context.Context) error {
	controls, err := m.From.Controls(ctx)
	if err != nil {
		return err
	}
	current, exists := findForAll(controls)
	switch {
	case m.control != (store.Control{}) && current != m.control:
		return errReplaced
	case m.control == (store.Control{}) && exists && current.By != actor:
		m.previous = &current
	case m.control == (store.Control{}) && !exists:
		m.previous = nil
	}
	return nil
}

// errReplaced is the error of a migration whose control an operator has ended or replaced.
var errReplaced = errors.New("somebody has ended or replaced the control that the migration had set")

// releaseTimeout bounds the restoring of the source after a failure.
const releaseTimeout = 30 * time.Second

// release gives the source back to its workers after a failure, also after an interrupt. A control that an operator has set
// meanwhile stays.
func (m *Migration) release(ctx context.Context) error {
	if m.control == (store.Control{}) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	controls, err := m.From.Controls(ctx)
	switch current, exists := findForAll(controls); {
	case err != nil:
	case exists && current.Mode != store.ControlMoved && current != m.control: // of an operator, who knows better
	case m.previous != nil:
		err = m.From.SetControl(ctx, *m.previous)
	default:
		_, err = m.From.RemoveControl(ctx, "")
	}
	if errors.Is(err, store.ErrMoved) { // and the next run completes that
		return nil
	}
	if err != nil {
		err = fmt.Errorf("the source is still in the mode %s, end it by resume: %w", m.control.Mode, err)
	}
	return err
}

// copyUntilEqual copies what the target lacks until both stores are equal and the source does not change any more.
func (m *Migration) copyUntilEqual(ctx context.Context) (Summary, error) {
	for pass := 1; ; pass++ {
		source, err := m.copyAll(ctx)
		if err != nil {
			return source, err
		}
		target, err := m.survey(ctx, m.To, "verify", nil)
		if err != nil {
			return source, err
		}
		target.Lost += source.Lost
		if err := compare(source, target); err != nil {
			return source, err
		}
		after, err := m.survey(ctx, m.From, "verify the source", nil)
		if err != nil {
			return source, err
		}
		switch {
		case after == source:
			return source, nil
		case m.Live == nil:
			return source, errors.New("the source has changed meanwhile: stop every worker that uses it, and run the command again")
		case pass == maxPasses:
			return source, errors.New("the source changes although it is read-only: a worker of an older release uses it")
		}
	}
}

// compare returns an error if the stores differ.
func compare(source, target Summary) error {
	if target == source {
		return nil
	}
	return fmt.Errorf("the target differs from the source: %d orders (%s), %d dead letters (%s) instead of %d (%s), %d (%s)",
		target.Orders, target.Digest, target.DeadLetters, target.LetterDigest,
		source.Orders, source.Digest, source.DeadLetters, source.LetterDigest)
}
