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
	s.lastDeadLetter++
	d.ID = store.FormatDeadLetterID(s.lastDeadLetter)
	d.ReasonCode = d.ReasonCode.OrUnknown()
	s.deadLetters = append(s.deadLetters, cloneDeadLetter(d))
	return d.ID, nil
}

// cloneDeadLetter returns a copy that shares no memory with d.
func cloneDeadLetter(d store.DeadLetter) store.DeadLetter {
	d.Body = slices.Clone(d.Body)
	d.Metadata = maps.Clone(d.Metadata)
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
	for _, d := range s.deadLetters {
		if d.ID > after && len(out) < limit {
			d.Body, d.Metadata = nil, nil
			out = append(out, d)
		}
	}
	return out, nil
}

// GetDeadLetter implements store.DeadLetters.
func (s *Store) GetDeadLetter(_ context.Context, id string) (store.DeadLetter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.findDeadLetter(id)
	if i < 0 {
		return store.DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, approval.ErrNotFound)
	}
	return cloneDeadLetter(s.deadLetters[i]), nil
}

// MarkDeadLetter implements store.DeadLetters.
func (s *Store) MarkDeadLetter(_ context.Context, d store.DeadLetter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.findDeadLetter(d.ID)
	if i < 0 {
		return fmt.Errorf("dead letter %q: %w", d.ID, approval.ErrNotFound)
	}
	marked := &s.deadLetters[i]
	marked.ReasonCode = d.ReasonCode.OrUnknown()
	marked.Reason = d.Reason
	marked.Redrives = d.Redrives
	return nil
}

// findDeadLetter returns the index of a dead letter, or -1.
func (s *Store) findDeadLetter(id string) int {
	return slices.IndexFunc(s.deadLetters, func(d store.DeadLetter) bool { return d.ID == id })
}

// DeleteDeadLetter implements store.DeadLetters.
func (s *Store) DeleteDeadLetter(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.findDeadLetter(id)
	if i < 0 {
		return fmt.Errorf("dead letter %q: %w", id, approval.ErrNotFound)
	}
	s.deadLetters = slices.Delete(s.deadLetters, i, i+1)
	return nil
}
