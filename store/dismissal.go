package store

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// QueueLook selects the messages of a dead letter queue that are looked at.
type QueueLook struct {
	// ReasonCode selects the messages with this code. The empty text selects all.
	ReasonCode approval.ReasonCode
	// Max is the largest number of messages.
	Max int
	// WithBodies returns the bodies too. They may contain task tokens.
	WithBodies bool
	// Until is the time when the look ends.
	Until time.Time
}

// QueuedLetter is a message in a dead letter queue.
type QueuedLetter struct {
	ID         string // of the message, as SQS has given it
	ReasonCode approval.ReasonCode
	Reason     string
	Body       []byte
	// At is when the message came into the dead letter queue.
	At       time.Time
	Redrives int
}

// Dismissal removes dead letters for good: those in the store's own table, and messages in dead letter queues. It selects
// them by their IDs, or all with a reason code.
type Dismissal struct {
	IDs        []string // of dead letters in the store's own table
	MessageIDs []string // of messages in dead letter queues
	ReasonCode approval.ReasonCode
	// Source selects the dead letters of this source only. The empty text selects those of all sources.
	Source string
	// By is the name of the operator's token, and OnBehalfOf the person that the operator named. Reason is the operator's
	// reason. All three are logged.
	By         string
	OnBehalfOf string
	Reason     string
	// Until is the time when the removal from a queue ends.
	Until time.Time
}

// DismissalReport is the result of a Dismissal.
type DismissalReport struct {
	// Dismissed is the number of dead letters that were removed. FromQueues is the part of it that was in dead letter queues.
	Dismissed  int
	FromQueues int
	// NotFound are the IDs without a dead letter.
	NotFound []string
	// HasMore is set if the removal ended before it had looked at all dead letters.
	HasMore bool
	// Errors describes the letters and queues that could not be read or removed.
	Errors []string
}
