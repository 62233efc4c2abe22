package handlers

import (
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Person is what is configured of an approver.
type Person struct {
	// Channels and Fallback are in place of the workflow's, where there are any.
	Channels         []string
	FallbackChannels []string
	Away             []Absence
}

// Absence is when somebody is away, and who covers for them.
type Absence struct {
	From, Until time.Time // until is the first moment of being back
	Substitutes []string
}

// People are the approvers of whom more than a name is configured. The names of
// groups are in lower case.
type People struct {
	Persons map[approval.PersonID]Person
	Groups  map[string][]string
}

// groupPrefix begins the name of a group where an approver's would stand.
const groupPrefix = "group:"

// maxSubstituteDepth bounds how far covers of covers are looked for.
const maxSubstituteDepth = 3

// ResolveApprovers turns names into approvers: groups into their members, and beside
// everybody who is away at that time their cover. Covers come last, so that one
// who is an approver anyhow has a place of their own.
func (p *People) ResolveApprovers(names []string, now time.Time) ([]approval.Approver, error) {
	var out, covers []approval.Approver
	for _, name := range names {
		members := []string{name}
		if group, is := strings.CutPrefix(strings.TrimSpace(name), groupPrefix); is {
			var known bool
			if members, known = p.Groups[strings.ToLower(group)]; !known {
				return nil, approval.InvalidField("approvers", "%.60q is no group that is configured", group)
			}
		}
		for _, m := range members {
			m = strings.TrimSpace(m)
			out = append(out, p.newApprover(m, ""))
			covers = append(covers, p.findSubstitutes(m, m, now, maxSubstituteDepth)...)
		}
	}
	return append(out, covers...), nil
}

func (p *People) newApprover(id, cover string) approval.Approver {
	person := p.findPerson(id)
	return approval.Approver{
		ID:               id,
		Nonce:            newNonce(),
		SubstituteFor:    cover,
		Channels:         person.Channels,
		FallbackChannels: person.FallbackChannels,
	}
}

func (p *People) findPerson(id string) Person { return p.Persons[approval.NewPersonID(id)] }

// findSubstitutes lists who stands in for somebody, and who for those that are away too.
func (p *People) findSubstitutes(id, place string, now time.Time, deeper int) []approval.Approver {
	var out []approval.Approver
	for _, a := range p.findPerson(id).Away {
		if now.Before(a.From) || !now.Before(a.Until) {
			continue
		}
		for _, c := range a.Substitutes {
			out = append(out, p.newApprover(c, place))
			if deeper > 1 {
				out = append(out, p.findSubstitutes(c, place, now, deeper-1)...)
			}
		}
	}
	return out
}
