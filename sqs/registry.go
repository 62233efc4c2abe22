package sqs

import "sync"

// maxLeft bounds the acked messages that are remembered because their delete
// was given up; beyond it the oldest is forgotten, and is handled again if it comes.
const maxLeft = 10_000

// registry knows the messages that are in flight, or acked and not yet deleted,
// by MessageId. It is how a message that SQS hands over twice is handled once.
type registry struct {
	mu   *sync.Mutex
	byID map[string]*delivery
	left []string // acked, their delete given up, oldest first
}

func newRegistry() registry {
	return registry{mu: &sync.Mutex{}, byID: map[string]*delivery{}}
}

// admit takes in a delivery, or returns the one of the same message that is
// known already.
func (r *registry) admit(d *delivery) (known *delivery) {
	if d.id == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known = r.byID[d.id]; known == nil {
		r.byID[d.id] = d
	}
	return known
}

// forget lets a message be handed out again if it comes again.
func (r *registry) forget(d *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[d.id] == d {
		delete(r.byID, d.id)
	}
}

// leave remembers an acked message whose delete was given up.
func (r *registry) leave(d *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[d.id] != d {
		return
	}
	if r.left = append(r.left, d.id); len(r.left) > maxLeft {
		delete(r.byID, r.left[0])
		r.left = r.left[1:]
	}
}
