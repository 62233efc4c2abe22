package router

import (
	"context"
	"errors"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
)

// errTopicClosed is returned for a topic that was closed.
var errTopicClosed = errors.New("router: the topic is closed")

// topic hands messages to its single subscriber, in this process. A message carries its action in its context: it is
// neither encoded nor copied. Its acknowledgement is not awaited, because releaseCapacity settles every message.
type topic struct {
	out     chan *message.Message
	closing chan struct{} // closed first: it ends the senders that wait
	once    sync.Once
	running sync.WaitGroup // messages whose handler has not ended; none is added after the topic was closed

	mu         sync.RWMutex // held for reading while a message is sent
	subscribed bool
	closed     bool
}

func newTopic(buffer int) *topic {
	return &topic{
		out:     make(chan *message.Message, buffer),
		closing: make(chan struct{}),
	}
}

// subscribe returns the receiving end. The topic is closed when the context of its subscriber ends.
func (t *topic) subscribe(ctx context.Context) (<-chan *message.Message, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.subscribed {
		return nil, errTopicClosed
	}
	t.subscribed = true
	context.AfterFunc(ctx, t.close)
	return t.out, nil
}

// publish hands a message out and does not wait for its subscriber.
func (t *topic) publish(msg *message.Message) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed || !t.subscribed {
		return errTopicClosed
	}
	t.running.Add(1)
	select {
	case t.out <- msg:
	default: // The capacity of actions bounds these goroutines.
		go t.send(msg)
	}
	return nil
}

// send waits for a place in the buffer. A message that still waits when the topic is closed is left to the sweeper.
func (t *topic) send(msg *message.Message) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		t.running.Done()
		return
	}
	select {
	case t.out <- msg:
	case <-t.closing:
		t.running.Done()
	}
}

// close ends the topic. It may be called again.
func (t *topic) close() {
	t.once.Do(func() { close(t.closing) })
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.out)
	}
}
