package session

import (
	"strconv"
	"time"
)

// MaxEnded is the bound of the list.
const MaxEnded = maxEnded

// Fill adds sessions until the list is full.
func Fill(e *Ended, expires time.Time) {
	for i := len(e.expires); i < maxEnded; i++ {
		e.expires[strconv.Itoa(i)] = expires
	}
}

// Length returns the length of the list.
func Length(e *Ended) int { return len(e.expires) }
