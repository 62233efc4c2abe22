package approval

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/language"
)

// Limits of the record of the round before. All texts are in characters and bytes.
const (
	maxPreviousVotes   = 20
	maxPreviousComment = 1000
	maxDifferences     = 30
	maxDifference      = 300
)

// PreviousRound tells approvers about the round before: its votes with their comments, and the changes since then.
type PreviousRound struct {
	ApprovalID string         `json:"approval_id"`
	ReturnedAt time.Time      `json:"returned_at"`
	Votes      []PreviousVote `json:"votes,omitempty"`
	// Differences are the details that have changed. MoreDifferences counts those that the record does not keep.
	Differences     []Difference `json:"differences,omitempty"`
	MoreDifferences int          `json:"more_differences,omitempty"`
}

// PreviousVote is a vote of the round before.
type PreviousVote struct {
	By      string        `json:"by"`
	Outcome Outcome       `json:"outcome"`
	Choice  string        `json:"choice,omitempty"`
	Label   language.Text `json:"label,omitempty"` // of the choice
	Comment string        `json:"comment,omitempty"`
	At      time.Time     `json:"at"`
	Void    bool          `json:"void,omitempty"`
}

// Difference is a detail that has changed since the round before. A new detail lacks Before, a removed detail lacks
// After.
type Difference struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// beginRound makes a new approval the next round of its question, if the round before was returned. In the last round
// nobody can return the request. It returns a note for the history, or "".
func (o *Order) beginRound(a *Approval) string {
	previous := o.findReturned(a)
	if previous == nil {
		return ""
	}
	a.Round = max(previous.Round, 1) + 1
	a.Previous = o.newPreviousRound(previous, a)
	isReturn := func(c Choice) bool { return c.Means == Return }
	if a.Round < cmp.Or(a.MaxRounds, DefaultMaxRounds) || !slices.ContainsFunc(a.Choices, isReturn) {
		return ""
	}
	a.Choices = slices.DeleteFunc(slices.Clone(a.Choices), isReturn)
	return fmt.Sprintf("round %d is the last: the request can no longer be returned", a.Round)
}

// findReturned returns the round before a new approval, if it was returned. Superseded attempts of a round are passed
// over, and so are pending approvals, which are newer attempts of the same state.
func (o *Order) findReturned(a *Approval) *Approval {
	for _, b := range slices.Backward(o.Approvals) {
		isSame := a.Workflow == b.Workflow && a.Step == b.Step && isEqualOrUnknown(a.State, b.State)
		switch {
		case !isSame, b.Status == Superseded, b.Status == Pending:
		case b.Status == Returned:
			return b
		default:
			return nil
		}
	}
	return nil
}

func (o *Order) newPreviousRound(previous, a *Approval) *PreviousRound {
	out := &PreviousRound{ApprovalID: previous.ID, ReturnedAt: previous.ClosedAt}
	votes := previous.Votes
	for _, v := range votes[max(0, len(votes)-maxPreviousVotes):] {
		p := PreviousVote{
			By:      v.By,
			Outcome: v.Outcome,
			Choice:  v.Choice,
			Comment: CutText(v.Comment, maxPreviousComment, maxPreviousComment),
			At:      v.At,
			Void:    v.Void,
		}
		if c := previous.FindOffered(v.Choice); c != nil {
			p.Label = c.Label
		}
		out.Votes = append(out.Votes, p)
	}
	if len(previous.Details) == 0 && slices.Contains(o.ShedParts, shedPartDetails) {
		return out // its request is unknown
	}
	out.Differences = compareDetails(previous.Details, a.Details)
	if over := len(out.Differences) - maxDifferences; over > 0 {
		out.Differences = out.Differences[:maxDifferences]
		out.MoreDifferences = over
	}
	return out
}

// detailKey names a detail. Several details can have the same name.
type detailKey struct {
	name   string
	number int
}

// compareDetails returns the details that differ, in the order of the new request, and then the removed details.
func compareDetails(before, after []Field) []Difference {
	old := keyDetails(before)
	now := keyDetails(after)
	var out []Difference
	add := func(name, before, after string) {
		if before != after {
			out = append(out, Difference{
				Name:   name,
				Before: CutText(before, maxDifference, maxDifference),
				After:  CutText(after, maxDifference, maxDifference),
			})
		}
	}
	for i, key := range now {
		previous := ""
		if j := slices.Index(old, key); j >= 0 {
			previous = before[j].Value
		}
		add(key.name, previous, after[i].Value)
	}
	for j, key := range old {
		if !slices.Contains(now, key) {
			add(key.name, before[j].Value, "")
		}
	}
	return out
}

func keyDetails(details []Field) []detailKey {
	keys := make([]detailKey, len(details))
	seen := map[string]int{}
	for i, d := range details {
		keys[i] = detailKey{name: d.Name, number: seen[d.Name]}
		seen[d.Name]++
	}
	return keys
}

// size returns the number of bytes of the texts that the record keeps of the round before.
func (p *PreviousRound) size() int {
	if p == nil {
		return 0
	}
	n := 0
	for _, v := range p.Votes {
		n += len(v.Comment)
	}
	for _, d := range p.Differences {
		n += len(d.Name) + len(d.Before) + len(d.After)
	}
	return n
}
