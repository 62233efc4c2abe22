package app

import (
	"net/http"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/web"
)

// namedSessions are the sessions of signed-in approvers, under the names that requests have for them.
type namedSessions struct {
	sessions web.Sessions
	people   *handlers.People
	// subjects are the names and aliases of people as they are written, if approvers are identified by the claim sub;
	// otherwise it is nil. Two values of sub that differ in letter case alone are two people (OpenID Connect Core 1.0,
	// section 2).
	subjects map[string]bool
}

func newNamedSessions(sessions web.Sessions, c *config.Config) namedSessions {
	s := namedSessions{sessions: sessions, people: &c.Compiled.People}
	if c.Public.OIDC.Claim != "sub" {
		return s
	}
	s.subjects = map[string]bool{}
	for name, person := range c.People {
		s.subjects[name] = true
		for _, alias := range person.Aliases {
			s.subjects[alias] = true
		}
	}
	return s
}

// SignedInApprover implements web.Sessions.
func (s namedSessions) SignedInApprover(r *http.Request) (id string, ok bool) {
	id, ok = s.sessions.SignedInApprover(r)
	if !ok {
		return "", false
	}
	known := s.people.CanonicalID(id)
	if s.subjects != nil && !s.subjects[id] && known != id {
		return "sub:" + id, true // it is an alias in another letter case
	}
	return known, true
}
