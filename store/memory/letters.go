package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// PutDeadLetter implements store.DeadLetters.
func (s *Store) PutDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.last++
	d.ID = store.FormatDeadLetterID(s.last)
	d.ReasonCode = d.ReasonCode.OrUnknown()
	s.letters = append(s.letters, clone(d))
	return d.ID, nil
}

// clone returns a copy that shares nothing with d.
func clone(d store.DeadLetter) store.DeadLetter {
	d.Body, d.Metadata = slices.Clone(d.Body), maps.Clone(d.Metadata)
	return d
}

// ListDeadLetters implements store.DeadLetters.
func (s *Store) ListDeadLetters(_ context.Context, after string, limit int) ([]store.DeadLetter, error) {
	if after != "" {
		if _, err := store.ParseDeadLetterID(after); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.DeadLetter
	for _, d := range s.letters {
		if d.ID > after && len(out) < limit {
			out = append(out, clone(d))
		}
	}
	return out, nil
}

// TakeDeadLetter implements store.DeadLetters.
func (s *Store) TakeDeadLetter(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.letters, func(d store.DeadLetter) bool { return d.ID == id })
	if i < 0 {
		return fmt.Errorf("dead letter %q: %w", id, approval.ErrNotFound)
	}
	s.letters = slices.Delete(s.letters, i, i+1)
	return nil
}
