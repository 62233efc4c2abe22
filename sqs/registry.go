package sqs

import "sync"

// maxUndeleted bounds the acked messages that are remembered because their deletion was abandoned. Beyond it the oldest
// is forgotten, and is handled again if SQS delivers it again.
const maxUndeleted = 10_000

// registry has the messages that are in flight, or acked and not deleted yet, by MessageId. It prevents a message that
// SQS delivers twice from being handled twice.
type registry struct {
	mu        *sync.Mutex
	byID      map[string]*delivery
	undeleted []string // acked messages with an abandoned deletion, oldest first
}

func newRegistry() registry {
	return registry{mu: &sync.Mutex{}, byID: map[string]*delivery{}}
}

// admitDelivery adds a delivery. If there is a delivery of the same message, it returns that instead.
func (r *registry) admitDelivery(d *delivery) (known *delivery) {
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

// forgetDelivery removes a delivery, so that the message is handled if it is delivered again.
func (r *registry) forgetDelivery(d *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[d.id] == d {
		delete(r.byID, d.id)
	}
}

// keepUndeleted remembers an acked message with an abandoned deletion.
func (r *registry) keepUndeleted(d *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[d.id] != d {
		return
	}
	if r.undeleted = append(r.undeleted, d.id); len(r.undeleted) > maxUndeleted {
		delete(r.byID, r.undeleted[0])
		r.undeleted = r.undeleted[1:]
	}
}
