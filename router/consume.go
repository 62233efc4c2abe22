package router

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"
)

// consume adds a handler of the messages of a topic, as AddConsumerHandler does. That would also add the names of the
// subscriber, the topic and the publisher to the context of each message. They are never read, and each costs two
// allocations.
func (r *Router) consume(
	name, topic string, s message.Subscriber, handle message.NoPublishHandlerFunc,
) *message.Handler {
	h := func(msg *message.Message) ([]*message.Message, error) { return nil, handle(msg) }
	return r.AddHandler(name, "", namelessSubscriber{s, topic}, "", noPublisher{}, h)
}

// namelessSubscriber subscribes to a topic whose name Watermill does not know.
type namelessSubscriber struct {
	message.Subscriber
	topic string
}

// Subscribe implements message.Subscriber.
func (s namelessSubscriber) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	return s.Subscriber.Subscribe(ctx, s.topic)
}

// String returns the empty name, so that Watermill adds none to the context of a message.
func (namelessSubscriber) String() string { return "" }

// noPublisher is the publisher of handlers that return no messages.
type noPublisher struct{}

// Publish implements message.Publisher.
func (noPublisher) Publish(string, ...*message.Message) error {
	return message.ErrOutputInNoPublisherHandler
}

// Close implements message.Publisher.
func (noPublisher) Close() error { return nil }

// String is as for namelessSubscriber.
func (noPublisher) String() string { return "" }
