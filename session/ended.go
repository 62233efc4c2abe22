package session

import (
	"sync"
	"time"
)

// maxEnded bounds the list of ended sessions. Only a session that we made can be ended, so reaching the bound takes as
// many sign-ins within the life of a session.
const maxEnded = 100_000

// Ended is the list of the sessions that ended before their time, because their owner signed out. A session is a signed
// cookie, so a copy of the cookie would be valid for as long as the session may last. The list is in the memory of one
// worker: another worker does not know it, and a restart forgets it. The zero value is ready to use.
type Ended struct {
	mu      sync.Mutex
	expires map[string]time.Time // by ID of the session
}

// End adds a session, which would have lasted until expires.
func (e *Ended) End(id string, expires, now time.Time) {
	if !expires.After(now) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.expires == nil {
		e.expires = map[string]time.Time{}
	}
	for other, end := range e.expires {
		if !end.After(now) {
			delete(e.expires, other)
		}
	}
	if len(e.expires) >= maxEnded {
		e.dropFirst()
	}
	e.expires[id] = expires
}

// dropFirst removes the session that would have ended first.
func (e *Ended) dropFirst() {
	first := ""
	for id, end := range e.expires {
		if first == "" || end.Before(e.expires[first]) {
			first = id
		}
	}
	delete(e.expires, first)
}

// Has reports whether a session was ended.
func (e *Ended) Has(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.expires[id]
	return ok
}
