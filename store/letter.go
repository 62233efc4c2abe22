package store

import (
	"fmt"
	"strconv"

	"github.com/approval-relay/approval-relay/approval"
)

// LetterID writes the number of a dead letter so that texts sort as numbers do.
func LetterID(n int64) string { return fmt.Sprintf("%016d", n) }

// LetterNumber reads what LetterID wrote.
func LetterNumber(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("dead letter %q: %w", id, approval.ErrNotFound)
	}
	return n, nil
}
