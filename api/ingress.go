package api

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/handlers"
)

// RequestTopic is the ingress topic of POST /v1/requests for a workflow.
func RequestTopic(workflow string) string { return "http/requests/" + workflow }

// WebhookTopic is the ingress topic of POST /webhooks/{source}.
func WebhookTopic(source string) string { return "http/webhooks/" + source }

// DecisionTopic is the ingress topic of POST /v1/orders/{orderId}/decisions.
func DecisionTopic() string { return "http/decisions" }

// fixedTopic returns a function that names the same topic for every request.
func fixedTopic(name string) func(*http.Request) (string, error) {
	return func(*http.Request) (string, error) { return name, nil }
}

// Ingress is the HTTP subscriber: a request becomes a message of a topic, and the
// result of the message becomes the answer to the request. The answer is sent only
// after the handler has returned, so 2xx means that the message's effect is stored.
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

// Subscribe implements message.Subscriber. A topic has a single subscriber.
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

// Close implements message.Subscriber: it stops taking requests.
func (in *Ingress) Close() error {
	in.once.Do(func() { close(in.closing) })
	in.wg.Wait()
	return nil
}

// errClosing is returned for requests that arrive while the program shuts down.
var errClosing = errors.New("going down")

// MessageHandler returns a handler that makes each request a message of a topic, if
// the policy admits it.
func (in *Ingress) MessageHandler(topic func(*http.Request) (string, error), policy SourcePolicy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy.setCall(r)
		name, err := topic(r)
		if err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		msg, err := policy.admit(w, r)
		if errors.Is(err, errAnswered) {
			return
		}
		if err != nil || msg == nil {
			writeAnswer(w, r, nil, withChallenge(err, policy.Challenge))
			return
		}
		fate := in.deliver(r.Context(), name, msg)
		if policy.Reply != nil {
			policy.writeReply(w, r, fate)
			return
		}
		writeAnswer(w, r, fate.Body, fate.Err)
	})
}

// deliver gives the message to the topic's subscriber and waits for its fate. If
// the sender goes away first, the message is handled all the same.
func (in *Ingress) deliver(ctx context.Context, topic string, msg *message.Message) handlers.Fate {
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
		if fate.Err == nil { // the message did not reach its handler
			fate.Err = errClosing
		}
		return fate
	case <-ctx.Done():
		return handlers.Fate{Err: ctx.Err()}
	}
}
