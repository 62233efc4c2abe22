package store

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// RedriveRequest selects what to redrive: exhausted callbacks, dead letters in the store's own table, and messages in
// dead letter queues.
type RedriveRequest struct {
	// DryRun counts the callbacks and messages, and redrives nothing.
	DryRun bool
	// Max is the largest number of callbacks and messages that this redrive restarts, 1 to 1,000. 0 means 1,000.
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
}

// Selects reports whether the request selects this reason code.
func (r RedriveRequest) Selects(code approval.ReasonCode) bool {
	return r.ReasonCode == "" || r.ReasonCode == code.OrUnknown()
}

// RedriveReport is the result of a redrive, or of its dry run.
type RedriveReport struct {
	DryRun bool
	// Found counts the selected callbacks and messages by reason code, in the order of the codes. A dry run counts the
	// messages in dead letter queues too.
	Found    RedriveGroups
	Redriven int
	// Guarded is the number of callbacks and messages that MaxRedrives kept from a redrive.
	Guarded int
	// Expired is the number of callbacks whose task has expired: the answer will most likely be too late.
	Expired int
	// Failed is the number that failed again at once.
	Failed int
	// Errors describes the parts that could not be read or redriven now.
	Errors []string
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
