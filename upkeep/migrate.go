package upkeep

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Migration moves everything from a store to another, empty one. The records are copied as they are, with the task tokens
// sealed as they are.
type Migration struct {
	From, To Store
	Sealer   store.Sealer // opens the records of both
	KeyID    string       // of the key that seals in To from now on
	// SkipLost leaves out what cannot be read. Otherwise nothing is written if there is such a record or dead letter.
	SkipLost bool
	// Report is called with everything that cannot be read.
	Report   func(store.Fault)
	Progress Progress
}

// Summary is what a store has, or what was moved.
type Summary struct {
	Orders       int    `json:"orders"`
	Digest       string `json:"digest"`
	DeadLetters  int    `json:"deadLetters"`
	LetterDigest string `json:"deadLetterDigest"`
	Controls     int    `json:"controls"`
	Lost         int    `json:"lost"` // orders and dead letters that cannot be read
	Resumed      bool   `json:"resumed"`
}

// imports is the number of records that are imported at the same time.
const imports = 32

// Run moves everything, and compares both stores at the end. Until that has succeeded, the target is marked, and no worker
// starts on it. After an error, Run can begin again.
func (m *Migration) Run(ctx context.Context) (Summary, error) {
	source, err := m.survey(ctx, m.From, "read", m.Report)
	if err != nil {
		return source, err
	}
	if source.Lost > 0 && !m.SkipLost {
		return source, fmt.Errorf("%d orders and dead letters cannot be read: nothing was moved", source.Lost)
	}
	resumed, err := m.To.BeginImport(ctx)
	if err != nil {
		return source, err
	}
	if err := m.copyAll(ctx, resumed); err != nil {
		return source, fmt.Errorf("%w; the target is incomplete, and no worker starts on it: run the command again", err)
	}
	target, err := m.survey(ctx, m.To, "verify", nil)
	if err != nil {
		return source, err
	}
	after, err := m.survey(ctx, m.From, "verify the source", nil)
	if err != nil {
		return source, err
	}
	target.Lost += source.Lost
	switch {
	case after != source:
		return source, errors.New("the source has changed meanwhile: stop every worker that uses it, and run the command again")
	case target != source:
		return source, fmt.Errorf("the target differs from the source: %d orders (%s), %d dead letters (%s) instead of %d (%s), %d (%s)",
			target.Orders, target.Digest, target.DeadLetters, target.LetterDigest,
			source.Orders, source.Digest, source.DeadLetters, source.LetterDigest)
	}
	if err := m.To.EndImport(ctx); err != nil {
		return source, err
	}
	source.Resumed = resumed
	return source, nil
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
		if _, err := store.Decode(r.OrderID, r.JSON, m.Sealer); err != nil {
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
	letters := sha256.New()
	err = eachLetter(ctx, s, func(id string) error {
		d, err := s.GetDeadLetter(ctx, id)
		if err != nil {
			lost("", err)
			return ctx.Err()
		}
		out.DeadLetters++
		return addLetter(letters, d)
	})
	if err != nil {
		return out, err
	}
	out.LetterDigest = fmt.Sprintf("%x", letters.Sum(nil))
	controls, err := s.Controls(ctx)
	out.Controls = len(controls)
	return out, err
}

func addLetter(to hash.Hash, d store.DeadLetter) error {
	sum, err := hashLetter(d)
	to.Write(sum)
	return err
}

func (m *Migration) copyAll(ctx context.Context, resumed bool) error {
	if resumed {
		if err := m.removeStale(ctx); err != nil {
			return err
		}
	}
	if err := m.copyRecords(ctx); err != nil {
		return err
	}
	if err := m.copyLetters(ctx); err != nil {
		return err
	}
	ids, err := m.From.KeyIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range append(ids, m.KeyID) {
		if err := m.To.AddKeyID(ctx, id); err != nil {
			return err
		}
	}
	controls, err := m.From.Controls(ctx)
	if err != nil {
		return err
	}
	for _, c := range controls {
		if err := m.To.SetControl(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (m *Migration) copyRecords(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(imports)
	copied := 0
	err := m.From.EachRecord(groupCtx, func(r store.RawRecord) error {
		if copied++; copied%progressEvery == 0 {
			m.Progress("copy", copied)
		}
		if _, err := store.Decode(r.OrderID, r.JSON, m.Sealer); err != nil {
			return groupCtx.Err() // survey has reported it
		}
		group.Go(func() error { return m.To.ImportRecord(groupCtx, r) })
		return groupCtx.Err()
	})
	return errors.Join(group.Wait(), err)
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

// removeStale removes from the target of an interrupted migration what the source has no more, and all dead letters and
// controls: they are few, and copied again.
func (m *Migration) removeStale(ctx context.Context) error {
	keep := map[string]bool{}
	err := m.From.EachRecord(ctx, func(r store.RawRecord) error {
		keep[r.OrderID] = true
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	var stale []string
	err = m.To.EachRecord(ctx, func(r store.RawRecord) error {
		if !keep[r.OrderID] {
			stale = append(stale, r.OrderID)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, id := range stale {
		if err := m.To.Update(ctx, id, func(o *approval.Order) error {
			*o = approval.Order{ID: id}
			return nil
		}); err != nil {
			return err
		}
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
