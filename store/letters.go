package store

import "github.com/approval-relay/approval-relay/approval"

// LetterQuery selects dead letters of the store's own table and of the dead letter queues.
type LetterQuery struct {
	// Source and ReasonCode select the dead letters of a source and with a code. The empty texts select all.
	Source     string
	ReasonCode approval.ReasonCode
	// After is the Next of the page before. The first page has the dead letter queues too.
	After string
	Limit int
	// WithBodies returns the bodies. By is the name of the operator's token, for the log.
	WithBodies bool
	By         string
}

// LetterPage is a page of dead letters.
type LetterPage struct {
	// Stored are dead letters in the store's own table, oldest first.
	Stored []DeadLetter
	Next   string
	// Groups counts all selected dead letters in the store's own table, on the first page only.
	Groups []LetterGroup
	// Queues are the dead letter queues, on the first page only.
	Queues []LetterQueue
}

// LetterGroup counts the dead letters of a source with a reason code.
type LetterGroup struct {
	Source     string
	ReasonCode approval.ReasonCode
	Count      int
}

// QueueDepth is the number of messages in a dead letter queue.
type QueueDepth struct {
	Source   string
	Queue    string
	Messages int
	Err      error // the number could not be read
}

// LetterQueue is a dead letter queue, with the first messages that were found in it.
type LetterQueue struct {
	QueueDepth
	Letters []QueuedLetter
	HasMore bool
}

// Selects reports whether the query selects the dead letters of a source with a code.
func (q LetterQuery) Selects(source string, code approval.ReasonCode) bool {
	return (q.Source == "" || q.Source == source) && (q.ReasonCode == "" || q.ReasonCode == code.OrUnknown())
}
