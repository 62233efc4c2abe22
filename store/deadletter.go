package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// DeadLetter is a message that cannot be handled, with its reason.
type DeadLetter struct {
	// ID is assigned by PutDeadLetter. IDs sort in the order of time.
	ID string
	// Source is the name of the source through which the message came, such as "request-refunds".
	Source string
	// ReasonCode is the code of the error. A dead letter that was stored without a code, as by an older version, comes
	// back with approval.ReasonUnknown.
	ReasonCode approval.ReasonCode
	// Reason is the text of the error. It never contains the body.
	Reason string
	// Body and Metadata are of the message. A store seals both at rest: the body may contain a task token.
	Body     []byte
	Metadata map[string]string
	At       time.Time
	Redrives int
}

// DeadLetters is the store's own table of dead letters. It takes the messages whose queue has no dead letter queue.
type DeadLetters interface {
	// PutDeadLetter stores a dead letter durably and returns its ID. It ignores the ID in the argument.
	PutDeadLetter(ctx context.Context, d DeadLetter) (string, error)
	// ListDeadLetters returns at most limit dead letters, oldest first, that come after an ID; the empty ID means from
	// the beginning. They come without Body and Metadata: a list of many messages would not fit into memory. A dead
	// letter that GetDeadLetter cannot read is listed too.
	ListDeadLetters(ctx context.Context, after string, limit int) ([]DeadLetter, error)
	// GetDeadLetter returns a dead letter with its Body and Metadata, or approval.ErrNotFound if there is none.
	GetDeadLetter(ctx context.Context, id string) (DeadLetter, error)
	// MarkDeadLetter stores the ReasonCode, the Reason and the Redrives of the dead letter with this ID, after it was
	// handled again and failed. Everything else stays as it is, also its place in the list. It returns
	// approval.ErrNotFound if there is no such dead letter.
	MarkDeadLetter(ctx context.Context, d DeadLetter) error
	// DeleteDeadLetter removes a dead letter for good. It returns approval.ErrNotFound if there is no such dead letter.
	DeleteDeadLetter(ctx context.Context, id string) error
}

// FormatDeadLetterID returns the ID of the dead letter with that number. IDs sort as texts in the order of their
// numbers.
func FormatDeadLetterID(number int64) string { return fmt.Sprintf("%016d", number) }

// ParseDeadLetterID returns the number in an ID, or approval.ErrNotFound for a text that no dead letter has as its ID.
func ParseDeadLetterID(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("dead letter %q: %w", id, approval.ErrNotFound)
	}
	return number, nil
}
