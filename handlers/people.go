package handlers

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/identity"
)

// Person is the configuration of an approver.
type Person struct {
	// Channels and FallbackChannels replace the channels of the workflow, if they are set.
	Channels         []string
	FallbackChannels []string
	Away             []Absence
}

// Absence is a time of absence of an approver, with the substitutes.
type Absence struct {
	From        time.Time
	Until       time.Time // the end of the absence, exclusive
	Substitutes []string
}

// People are the configured approvers and groups. The names of groups are in lower case.
type People struct {
	Persons map[approval.PersonID]Person
	Groups  map[string][]string
	// Aliases are other names of people, such as their IDs in another system, with the ID that records have.
	Aliases map[approval.PersonID]string
}

// ReadPerson returns the ID of the person in a text, such as the requester or the maker of a decision: it is read by
// package identity, and an alias is replaced by the ID of its person. An alias can also be a text that package identity
// refuses, such as the name of a service account. The error is the reason why the text cannot be read.
func (p *People) ReadPerson(text string) (string, error) {
	if id, isAlias := p.Aliases[approval.NewPersonID(identity.Clean(text))]; isAlias {
		return id, nil
	}
	name, err := identity.ReadOne(text)
	if err != nil {
		return "", err
	}
	return p.canonicalID(name), nil
}

// CanonicalID returns the same as ReadPerson, and a text that cannot be read as it is.
func (p *People) CanonicalID(text string) string {
	id, err := p.ReadPerson(text)
	if err != nil {
		return text
	}
	return id
}

// canonicalID returns the ID of the person that an alias names, and every other name as it is.
func (p *People) canonicalID(name string) string {
	if id, isAlias := p.Aliases[approval.NewPersonID(name)]; isAlias {
		return id
	}
	return name
}

// groupPrefix begins the name of a group in a list of approvers.
const groupPrefix = "group:"

// maxSubstituteDepth bounds the search for substitutes of substitutes.
const maxSubstituteDepth = 3

// ResolveApprovers returns the approvers that the names stand for at a time. It replaces groups by their members, and
// adds the substitutes of everybody who is absent. Substitutes come last, so that a substitute with a vote of
// their own keeps it.
func (p *People) ResolveApprovers(names []string, now time.Time) ([]approval.Approver, error) {
	var approvers, substitutes []approval.Approver
	for _, name := range names {
		members, err := p.membersOf(name)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			m = p.CanonicalID(m)
			approvers = append(approvers, p.newApprover(m, ""))
			substitutes = append(substitutes, p.findSubstitutes(m, m, now, maxSubstituteDepth)...)
		}
	}
	return append(approvers, substitutes...), nil
}

// membersOf returns the members of a group, or the name itself if it is not a group.
func (p *People) membersOf(name string) ([]string, error) {
	group, isGroup := strings.CutPrefix(strings.TrimSpace(name), groupPrefix)
	if !isGroup {
		return []string{name}, nil
	}
	members, known := p.Groups[strings.ToLower(group)]
	if !known {
		return nil, approval.InvalidField("approvers", "name a group that is not configured; configured are %s", p.groupNames())
	}
	return members, nil
}

// groupNames lists the configured groups, for a message. A name in a request is not in the message, because it may be a
// secret in the wrong place.
func (p *People) groupNames() string {
	names := sortedKeys(p.Groups)
	if len(names) > maxExpressions {
		names = append(names[:maxExpressions], "…")
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// newApprover returns an approver. If substituteFor is set, the approver fills in for that person.
func (p *People) newApprover(id, substituteFor string) approval.Approver {
	person := p.findPerson(id)
	return approval.Approver{
		ID:               id,
		Nonce:            newNonce(),
		SubstituteFor:    substituteFor,
		Channels:         person.Channels,
		FallbackChannels: person.FallbackChannels,
	}
}

// newNonce returns 96 random bits for the link of an approver.
func newNonce() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // crypto/rand never returns an error
	return base64.RawURLEncoding.EncodeToString(b)
}

// findPerson returns the configuration of an approver. It is empty if there is none.
func (p *People) findPerson(id string) Person { return p.Persons[approval.NewPersonID(id)] }

// findSubstitutes returns the substitutes of a person at a time. If a substitute is absent too, it adds the
// substitutes of the substitute. All of them fill in for the approver named by substituteFor.
func (p *People) findSubstitutes(id, substituteFor string, now time.Time, depth int) []approval.Approver {
	var found []approval.Approver
	for _, absence := range p.findPerson(id).Away {
		if now.Before(absence.From) || !now.Before(absence.Until) {
			continue
		}
		for _, s := range absence.Substitutes {
			s = p.CanonicalID(s)
			found = append(found, p.newApprover(s, substituteFor))
			if depth > 1 {
				found = append(found, p.findSubstitutes(s, substituteFor, now, depth-1)...)
			}
		}
	}
	return found
}
