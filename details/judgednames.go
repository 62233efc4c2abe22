package details

import (
	"strings"
	"sync"
)

// Senders choose the names of fields, so the remembered ones are bounded: a longer name is judged each time, and a full
// memory begins anew.
const (
	maxJudgedNames = 4096
	maxJudgedName  = 64 // bytes
)

// judgedNames remembers which names look secret. To judge a name takes ten microseconds and more, and the requests of a
// workflow have the same names again and again.
type judgedNames struct {
	mu    sync.RWMutex
	names map[string]bool
}

var judged judgedNames

// looksSecret reports whether a name looks secret by the built-in list.
func looksSecret(name string) bool {
	judged.mu.RLock()
	isSecret, known := judged.names[name]
	judged.mu.RUnlock()
	if known {
		return isSecret
	}
	isSecret = (secretPart.MatchString(name) || secretWord.MatchString(name)) && !notSecret.MatchString(name)
	if len(name) <= maxJudgedName {
		judged.remember(name, isSecret)
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
