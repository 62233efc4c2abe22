package memory

import (
	"context"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/store"
)

// Controls implements store.ControlKeeper.
func (s *Store) Controls(context.Context) ([]store.Control, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(slices.Values(s.controls), func(a, b store.Control) int {
		return strings.Compare(a.Workflow, b.Workflow)
	}), nil
}

// SetControl implements store.ControlKeeper.
func (s *Store) SetControl(ctx context.Context, c store.Control) error {
	if _, err := s.RemoveControl(ctx, c.Workflow); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.controls = append(s.controls, c)
	return nil
}

// RemoveControl implements store.ControlKeeper.
func (s *Store) RemoveControl(_ context.Context, workflow string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.controls)
	s.controls = slices.DeleteFunc(s.controls, func(c store.Control) bool { return c.Workflow == workflow })
	return len(s.controls) < before, nil
}
