package store

import (
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// RedriveRequest selects what to redrive: exhausted callbacks, dead letters in the store's own table, and messages in
// dead letter queues. A redrive has steps of bounded time: each returns the position at which the next step goes on.
type RedriveRequest struct {
	// DryRun counts the callbacks and messages, and redrives nothing.
	DryRun bool
	// Max is the largest number of callbacks and messages that this step restarts, 1 to 1,000. 0 means 1,000.
	Max int
	// ReasonCode selects the callbacks and messages with this code. The empty text selects all.
	ReasonCode approval.ReasonCode
	// MaxRedrives is the guard against loops: a callback or message that was redriven this often already is left alone.
	// 0 means 3; a negative number removes the guard.
	MaxRedrives int
	// By is the name of the operator's token, and OnBehalfOf the person that the operator named, for the history.
	By         string
	OnBehalfOf string
	// OrderID selects the callbacks of a single order, and no messages. The empty text selects all orders.
	OrderID string
	// After is the Next of the step before. It is empty for the first step.
	After string
}

// Selects reports whether the request selects this reason code.
func (r RedriveRequest) Selects(code approval.ReasonCode) bool {
	return r.ReasonCode == "" || r.ReasonCode == code.OrUnknown()
}

// IsGuarded reports whether the guard against loops keeps a callback or message that was redriven so often.
func (r RedriveRequest) IsGuarded(redrives int) bool {
	return r.MaxRedrives > 0 && redrives >= r.MaxRedrives
}

// RedriveReport is the result of a step of a redrive, or of its dry run.
type RedriveReport struct {
	DryRun bool
	// Found counts the selected callbacks and messages that this step looked at by reason code, in the order of the
	// codes.
	Found RedriveGroups
	// Redriven is the number that was restarted. Requeued is the part of it that was put back on its queue: a worker
	// handles these messages later, and they may fail again there.
	Redriven int
	Requeued int
	// Failed is the number of dead letters in the store that were handled again and failed again at once.
	Failed int
	// Returned is the number of requeued messages that were seen in the dead letter queue again, while the redrive went on.
	Returned int
	// Guarded is the number of callbacks and messages that MaxRedrives kept from a redrive.
	Guarded int
	// Kept is the number of other selected callbacks and messages that stayed as they were: they could not be redriven
	// now, or changed meanwhile.
	Kept int
	// Expired is the number of callbacks whose task has expired: the answer will most likely be too late.
	Expired int
	// NotLookedAt is the number of messages in dead letter queues that this redrive does not look at, as SQS counts
	// them: SQS has no order in which a later step could go on.
	NotLookedAt int
	// Next is the After of the next step. It is empty if nothing is left to look at.
	Next string
	// Errors describes the parts that could not be read or redriven now.
	Errors []string
}

// QueueRedrive is the part of a redrive that concerns a dead letter queue.
type QueueRedrive struct {
	RedriveRequest
	// RunID is the same in all steps of a redrive. A message that this redrive put back on its queue, and that is a dead
	// letter again, is not moved again.
	RunID string
	// Until is the time at which the step ends.
	Until time.Time
}

// QueueReport is the result of a QueueRedrive. Its fields have the meaning of the fields of a RedriveReport.
type QueueReport struct {
	Found    RedriveGroups
	Requeued int
	Returned int
	Guarded  int
	Kept     int
	// HasMore is set if the step ended before it had looked at all messages. NotLookedAt is then their number, as SQS
	// counts them, or 0 if SQS did not tell.
	HasMore     bool
	NotLookedAt int
}

// RedriveGroup counts the callbacks and messages that failed for the same reason.
type RedriveGroup struct {
	ReasonCode approval.ReasonCode
	Count      int
	// Example is the text of an error with this code.
	Example string
}

// RedriveGroups holds a group for each reason code, in the order of the codes.
type RedriveGroups []RedriveGroup

// Add counts callbacks or messages with this reason code. The first text of a code that is not empty becomes its
// example.
func (g *RedriveGroups) Add(code approval.ReasonCode, count int, text string) {
	code = code.OrUnknown()
	i, found := slices.BinarySearchFunc(*g, code, func(group RedriveGroup, code approval.ReasonCode) int {
		return strings.Compare(string(group.ReasonCode), string(code))
	})
	if !found {
		*g = slices.Insert(*g, i, RedriveGroup{ReasonCode: code})
	}
	group := &(*g)[i]
	group.Count += count
	if group.Example == "" {
		group.Example = text
	}
}

// Total returns the number of callbacks and messages in all groups.
func (g RedriveGroups) Total() int {
	total := 0
	for _, group := range g {
		total += group.Count
	}
	return total
}
