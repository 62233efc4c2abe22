package store

import (
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// RedrivePart is a part of a redrive. The parts are worked off in the order of the constants.
type RedrivePart string

// The parts of a redrive.
const (
	RedriveCallbacks   RedrivePart = "callbacks"
	RedriveDeadLetters RedrivePart = "letters"
	RedriveQueues      RedrivePart = "queues"
	RedriveEnd         RedrivePart = "" // nothing is left
)

// RedrivePosition is the position at which the next step of a redrive goes on.
type RedrivePosition struct {
	Part RedrivePart
	// RunID is the QueueRedrive.RunID.
	RunID string
	// ApprovalID is the last approval that the step before looked at in the order that comes next. It is empty if the
	// redrive goes on at the beginning of that order.
	ApprovalID string
	// After is an order ID or the ID of a dead letter: the redrive goes on with the next one. Of the queues, it is the
	// source whose queue comes next. It is empty at the beginning of a part.
	After string
}

// String returns the position as the After of a request. The text is empty at the end.
func (p RedrivePosition) String() string {
	if p.Part == RedriveEnd {
		return ""
	}
	return strings.Join([]string{string(p.Part), p.RunID, p.ApprovalID, p.After}, "/")
}

// ParseRedrivePosition parses the output of String. The empty text is the position before the first step: there, the
// RunID is empty.
func ParseRedrivePosition(text string) (RedrivePosition, error) {
	if text == "" {
		return RedrivePosition{Part: RedriveCallbacks}, nil
	}
	parts := strings.SplitN(text, "/", 4) // an order ID may have a slash, the other parts have none
	if len(parts) == 4 {
		p := RedrivePosition{
			Part:       RedrivePart(parts[0]),
			RunID:      parts[1],
			ApprovalID: parts[2],
			After:      parts[3],
		}
		switch p.Part {
		case RedriveCallbacks, RedriveDeadLetters, RedriveQueues:
			return p, nil
		}
	}
	return RedrivePosition{}, approval.InvalidField("after", "is not a position in a redrive")
}
