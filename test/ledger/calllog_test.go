package ledger

import (
	"fmt"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// callLog records every call that Step Functions received.
type callLog struct {
	mu    sync.Mutex
	calls map[string][]emulator.Call // by token
	times map[string][]time.Time     // by action
}

func (b *callLog) recordCall(c emulator.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[c.Token] = append(b.calls[c.Token], c)
	b.times[c.Action] = append(b.times[c.Action], c.At)
}

func (b *callLog) callsOf(token string) []emulator.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]emulator.Call(nil), b.calls[token]...)
}

// summary returns a sentence with the counts of the calls.
func (b *callLog) summary() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls, applied, lost, again, beats := 0, 0, 0, 0, 0
	for _, of := range b.calls {
		answered := false
		for _, c := range of {
			if c.Action == emulator.ActionHeartbeat {
				beats++
				continue
			}
			calls++
			if answered {
				again++
			}
			if c.Applied {
				applied++
				answered = true
				if !c.Replied {
					lost++
				}
			}
		}
	}
	return fmt.Sprintf("%d calls, %d answered a task, %d of their replies were lost, %d came after an answer; %d heartbeats",
		calls, applied, lost, again, beats)
}
