package details

import (
	"strings"
	"sync"
)

// Senders choose the names of fields, so the remembered ones are bounded: a longer name is judged each time, and a full
// memory begins anew.
const (
	maxJudgedNames = 1024
	maxJudgedName  = 64 // bytes
)

// judgedNames remembers which names look secret by the built-in list. To judge a name takes ten microseconds and more, and
// the requests of a workflow have the same names again and again. It is safe for concurrent use.
type judgedNames struct {
	mu    sync.RWMutex
	names map[string]bool
}

// looksSecret is the function of that name, with a memory.
func (j *judgedNames) looksSecret(name string) bool {
	j.mu.RLock()
	isSecret, known := j.names[name]
	j.mu.RUnlock()
	if known {
		return isSecret
	}
	isSecret = looksSecret(name)
	if len(name) <= maxJudgedName {
		j.remember(name, isSecret)
	}
	return isSecret
}

func (j *judgedNames) remember(name string, isSecret bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.names == nil || len(j.names) >= maxJudgedNames {
		j.names = map[string]bool{}
	}
	j.names[strings.Clone(name)] = isSecret // the name is a part of the request
}
