package router

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/handlers"
)

// Ingress is the HTTP subscriber: a request becomes a message of a topic, and
// the fate of the message is the answer to the request. It is answered only
// after the handler has ended, so 2xx means that what was sent is stored.
type Ingress struct {
	closing chan struct{}
	once    sync.Once

	mu     sync.Mutex
	topics map[string]chan *message.Message
	wg     sync.WaitGroup
}

// NewIngress returns an HTTP subscriber without topics.
func NewIngress() *Ingress {
	return &Ingress{closing: make(chan struct{}), topics: map[string]chan *message.Message{}}
}

// Subscribe implements message.Subscriber. A topic has one subscriber.
func (in *Ingress) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	source := in.topic(topic)
	in.wg.Go(func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case <-in.closing:
				return
			case msg := <-source:
				select {
				case out <- msg:
				case <-ctx.Done():
					msg.Nack()
					return
				case <-in.closing:
					msg.Nack()
					return
				}
			}
		}
	})
	return out, nil
}

func (in *Ingress) topic(name string) chan *message.Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.topics[name] == nil {
		in.topics[name] = make(chan *message.Message)
	}
	return in.topics[name]
}

// Close implements message.Subscriber: no more messages are taken.
func (in *Ingress) Close() error {
	in.once.Do(func() { close(in.closing) })
	in.wg.Wait()
	return nil
}

// errClosing says that the program is going down.
var errClosing = errors.New("going down")

// errBody is a body that could not be read to its end.
var errBody = errors.New("the body could not be read")

// MaxBody is the largest body of a request, in bytes: SQS's own limit.
const MaxBody = 1 << 20

// Check verifies a request before anything of it is parsed.
type Check func(header http.Header, body []byte) error

// Handler returns the handler whose requests become messages of a topic. The
// order ID in the path, if it has one, and the headers go along as metadata,
// credentials excepted.
func (in *Ingress) Handler(topic func(*http.Request) (string, error), check Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, err := topic(r)
		if err != nil {
			answer(w, nil, err)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		if err != nil {
			if _, large := errors.AsType[*http.MaxBytesError](err); !large {
				err = errBody
			}
			answer(w, nil, err)
			return
		}
		if err := check(r.Header, body); err != nil {
			answer(w, nil, &credentialError{err})
			return
		}
		fate := in.pass(r.Context(), name, toMessage(r, body))
		answer(w, fate.Body, fate.Err)
	})
}

// pass gives the message to the topic's subscriber and waits for its fate.
func (in *Ingress) pass(ctx context.Context, topic string, msg *message.Message) handlers.Fate {
	var fate handlers.Fate
	msg.SetContext(handlers.WithFate(ctx, &fate))
	select {
	case in.topic(topic) <- msg:
	case <-in.closing:
		return handlers.Fate{Err: errClosing}
	case <-ctx.Done():
		return handlers.Fate{Err: ctx.Err()}
	}
	select {
	case <-msg.Acked():
		return fate
	case <-msg.Nacked():
		if fate.Err == nil { // never reached the handler
			fate.Err = errClosing
		}
		return fate
	case <-ctx.Done(): // the sender has gone; the message goes on
		return handlers.Fate{Err: ctx.Err()}
	}
}

// toMessage makes a message of a request.
func toMessage(r *http.Request, body []byte) *message.Message {
	msg := message.NewMessage(watermill.NewULID(), body)
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if name != "authorization" && name != "cookie" && len(values) > 0 {
			msg.Metadata.Set(handlers.MetaHeader+name, values[0])
		}
	}
	if id := r.Header.Get("Webhook-Id"); id != "" {
		msg.Metadata.Set(handlers.MetaID, id)
	}
	if id := r.PathValue("orderId"); id != "" {
		msg.Metadata.Set(handlers.MetaOrder, id)
	}
	return msg
}
