package upkeep

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// copiedRecord is a record that the target has.
type copiedRecord struct {
	sum  [16]byte // the first half of the SHA-256 of the record
	pass int      // the last pass with this order in the source
}

func sumOf(record []byte) [16]byte {
	sum := sha256.Sum256(record)
	return [16]byte(sum[:16])
}

// survey reads everything in a store.
func (m *Migration) survey(ctx context.Context, s Store, step string, report func(store.Fault)) (Summary, error) {
	var out Summary
	lost := func(orderID string, err error) {
		out.Lost++
		if report != nil {
			report(store.Fault{Order: orderID, Text: err.Error(), Lost: true})
		}
	}
	var sum digest
	seen := 0
	err := s.EachRecord(ctx, func(r store.RawRecord) error {
		if seen++; seen%progressEvery == 0 {
			m.Progress(step, seen)
		}
		if _, err := store.Decode(r.OrderID, r.Record, m.Sealer); err != nil {
			lost(r.OrderID, err)
			return ctx.Err()
		}
		out.Orders++
		sum.add(r)
		return ctx.Err()
	})
	if err != nil {
		return out, err
	}
	out.Digest = sum.String()
	if err := surveyLetters(ctx, s, &out, lost); err != nil {
		return out, err
	}
	controls, err := m.controlsToMove(ctx, s)
	out.Controls = len(controls)
	return out, err
}

func surveyLetters(ctx context.Context, s Store, out *Summary, lost func(string, error)) error {
	letters := sha256.New()
	err := eachLetter(ctx, s, func(id string) error {
		d, err := s.GetDeadLetter(ctx, id)
		if err != nil {
			lost("", err)
			return ctx.Err()
		}
		out.DeadLetters++
		return addLetter(letters, d)
	})
	out.LetterDigest = fmt.Sprintf("%x", letters.Sum(nil))
	return err
}

// noteLost notes and reports what the survey at the beginning cannot read.
func (m *Migration) noteLost(f store.Fault) {
	if f.Order == "" {
		m.lostLetters++
	} else {
		m.lostOrders[f.Order] = true
	}
	m.reportLost(f)
}

func (m *Migration) reportLost(f store.Fault) {
	if m.Report != nil {
		m.Report(f)
	}
}

// errLostMeanwhile is the error of a migration that cannot copy what a worker has stored meanwhile. Nothing that a worker has
// acknowledged is left out.
var errLostMeanwhile = errors.New("there are orders or dead letters that cannot be read, and could be at the beginning: " +
	"if the keys were changed meanwhile, the configuration of the target needs the new ones")

func addLetter(to hash.Hash, d store.DeadLetter) error {
	sum, err := hashLetter(d)
	to.Write(sum)
	return err
}

// controlsToMove returns the controls of a store as they were before the migration set its own.
func (m *Migration) controlsToMove(ctx context.Context, s Store) ([]store.Control, error) {
	controls, err := s.Controls(ctx)
	if s != m.From || err != nil {
		return controls, err
	}
	controls = slices.DeleteFunc(controls, func(c store.Control) bool { return c.Workflow == "" })
	if m.previous != nil {
		controls = append([]store.Control{*m.previous}, controls...)
	}
	return controls, nil
}

// readTarget reads the records that an interrupted run has copied.
func (m *Migration) readTarget(ctx context.Context) error {
	return m.To.EachRecord(ctx, func(r store.RawRecord) error {
		m.copied[r.OrderID] = copiedRecord{sum: sumOf(r.Record)}
		return ctx.Err()
	})
}

// copyAll copies everything that the target lacks, and removes from it what the source does not have. Dead letters and
// controls are few, and copied anew each time. It returns the summary of the source.
func (m *Migration) copyAll(ctx context.Context) (Summary, error) {
	out, err := m.copyRecords(ctx)
	if err != nil {
		return out, err
	}
	if err := m.removeStale(ctx); err != nil {
		return out, err
	}
	if err := m.copyLetters(ctx); err != nil {
		return out, err
	}
	lostOrders := out.Lost
	if err := surveyLetters(ctx, m.From, &out, func(string, error) { out.Lost++ }); err != nil {
		return out, err
	}
	if out.Lost-lostOrders > m.lostLetters {
		return out, errLostMeanwhile
	}
	ids, err := m.From.KeyIDs(ctx)
	if err != nil {
		return out, err
	}
	for _, id := range append(ids, m.KeyID) {
		if err := m.To.AddKeyID(ctx, id); err != nil {
			return out, err
		}
	}
	controls, err := m.controlsToMove(ctx, m.From)
	if err != nil {
		return out, err
	}
	out.Controls = len(controls)
	for _, c := range controls {
		if err := m.To.SetControl(ctx, c); err != nil {
			return out, err
		}
	}
	return out, nil
}

// copyRecords reads all records of the source, and imports those that the target does not have in this state. It returns
// the summary of the source.
func (m *Migration) copyRecords(ctx context.Context) (Summary, error) {
	m.pass++
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(imports)
	var out Summary
	var sum digest
	seen := 0
	err := m.From.EachRecord(groupCtx, func(r store.RawRecord) error {
		if seen++; seen%progressEvery == 0 {
			m.Progress("copy", seen)
		}
		if _, err := store.Decode(r.OrderID, r.Record, m.Sealer); err != nil {
			out.Lost++
			if !m.lostOrders[r.OrderID] {
				m.reportLost(store.Fault{Order: r.OrderID, Text: err.Error(), Lost: true})
				return errLostMeanwhile
			}
			return groupCtx.Err()
		}
		out.Orders++
		sum.add(r)
		state := copiedRecord{sumOf(r.Record), m.pass}
		if before, ok := m.copied[r.OrderID]; !ok || before.sum != state.sum {
			group.Go(func() error { return m.To.ImportRecord(groupCtx, r) })
		}
		m.copied[r.OrderID] = state
		return groupCtx.Err()
	})
	out.Digest = sum.String()
	return out, errors.Join(group.Wait(), err)
}

// copyLetters copies the dead letters in their order. Their contents are sealed anew, because each store packs them in its
// own way.
func (m *Migration) copyLetters(ctx context.Context) error {
	return eachLetter(ctx, m.From, func(id string) error {
		d, err := m.From.GetDeadLetter(ctx, id)
		if err != nil {
			return ctx.Err() // survey has reported it
		}
		_, err = m.To.PutDeadLetter(ctx, d)
		return err
	})
}

// copyLastControls copies the controls of single workflows that operators have changed since the last pass. The source is
// marked as moved, so that they cannot be changed any more. It returns the number of controls in the target.
func (m *Migration) copyLastControls(ctx context.Context) (int, error) {
	source, err := m.From.Controls(ctx)
	if err != nil {
		return 0, err
	}
	target, err := m.To.Controls(ctx)
	if err != nil {
		return 0, err
	}
	for _, c := range target {
		isKept := func(other store.Control) bool { return other.Workflow == c.Workflow }
		if c.Workflow == "" || slices.ContainsFunc(source, isKept) {
			continue
		}
		if _, err := m.To.RemoveControl(ctx, c.Workflow); err != nil {
			return 0, err
		}
	}
	for _, c := range source {
		if c.Workflow == "" || slices.Contains(target, c) {
			continue
		}
		if err := m.To.SetControl(ctx, c); err != nil {
			return 0, err
		}
	}
	target, err = m.To.Controls(ctx)
	return len(target), err
}

// removeStale removes from the target the orders that the last pass over the source did not find, and all dead letters and
// controls of an earlier pass.
func (m *Migration) removeStale(ctx context.Context) error {
	for id, state := range m.copied {
		if state.pass == m.pass {
			continue
		}
		if err := m.To.Update(ctx, id, func(o *approval.Order) error {
			*o = approval.Order{ID: id}
			return nil
		}); err != nil {
			return err
		}
		delete(m.copied, id)
	}
	controls, err := m.To.Controls(ctx)
	if err != nil {
		return err
	}
	for _, c := range controls {
		if _, err := m.To.RemoveControl(ctx, c.Workflow); err != nil {
			return err
		}
	}
	return eachLetter(ctx, m.To, func(id string) error { return m.To.DeleteDeadLetter(ctx, id) })
}
