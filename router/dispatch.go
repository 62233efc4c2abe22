package router

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// The topics of actions. They exist in this process only.
const (
	TopicNotifications = "notifications"
	TopicCallbacks     = "callbacks"
)

// Keys of the metadata of an action's message. Traced actions also have an attempt and metadata.OrderID.
const (
	metaKind    = "kind"
	metaName    = "name" // of the channel or target
	metaAttempt = "attempt"
)

// DispatchObserver is notified of the dispatcher's work, for the metrics.
type DispatchObserver interface {
	ActionDispatched(kind approval.ActionKind)
	RunningActionsChanged(kind approval.ActionKind, delta int)
	DeadLettered(source string)
}

// Dispatcher hands actions to their handlers over topics in this process. The topics are not durable and need not be:
// the record of the order already has each action as begun, so if an action is lost, its lease expires and the sweeper
// begins the next attempt.
type Dispatcher struct {
	topics   *gochannel.GoChannel
	limit    int
	observer DispatchObserver
	log      *slog.Logger

	mu         sync.Mutex
	subscribed map[string]bool // by topic
	running    map[output]int
}

// output is a kind of action on a channel or target. Each has its own capacity, so that a slow channel or target
// delays no other.
type output struct {
	kind approval.ActionKind
	name string
}

// NewDispatcher returns a dispatcher with capacity for limit running actions of each kind on each channel or target.
func NewDispatcher(limit int, o DispatchObserver, log *slog.Logger) *Dispatcher {
	return &Dispatcher{
		topics:     gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: int64(limit)}, watermill.NopLogger{}),
		limit:      limit,
		observer:   o,
		log:        log,
		subscribed: map[string]bool{},
		running:    map[output]int{},
	}
}

// Subscribe implements message.Subscriber: it returns the receiving end of a topic.
func (d *Dispatcher) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out, err := d.topics.Subscribe(ctx, topic)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.subscribed[topic] = err == nil
	return out, err
}

// HasCapacity reports whether another action of this kind can run on this channel or target. It reserves nothing: only
// Dispatch counts an action as running. So the actions that a single transition starts together, or concurrent
// transitions, can exceed the limit.
//
// Before the topic has a subscriber there is no capacity: a Go channel drops messages without a subscriber, and the
// router starts to consume before it has subscribed to all topics.
func (d *Dispatcher) HasCapacity(kind approval.ActionKind, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.subscribed[topicOf(kind)] && d.running[output{kind, name}] < d.limit
}

func topicOf(kind approval.ActionKind) string {
	if kind == approval.ActionNotify {
		return TopicNotifications
	}
	return TopicCallbacks
}

// Dispatch hands the actions out. A dead letter of an order needs no handler: the record of the order states the
// failure, so Dispatch only counts and logs it.
func (d *Dispatcher) Dispatch(ctx context.Context, actions []approval.Action) {
	for _, act := range actions {
		d.observer.ActionDispatched(act.Kind)
		switch act.Kind {
		case approval.ActionNotify, approval.ActionCallback, approval.ActionHeartbeat:
			d.publishAction(ctx, act)
		case approval.ActionDeadLetter:
			d.observer.DeadLettered("order")
			d.log.LogAttrs(ctx, slog.LevelError, "dead letter",
				slog.String("source", "order"),
				slog.String("order_id", act.OrderID),
				slog.String("approval_id", act.ApprovalID),
				slog.String("reason", act.Reason),
			)
		}
	}
}

func (d *Dispatcher) publishAction(ctx context.Context, act approval.Action) {
	msg := newActionMessage(act)
	d.countRunning(msg, 1)
	if err := d.topics.Publish(topicOf(act.Kind), msg); err != nil { // the topics are closed: the program stops
		d.countRunning(msg, -1)
		d.log.LogAttrs(ctx, slog.LevelInfo, "action left to the sweeper",
			slog.String("order_id", act.OrderID),
			slog.String("kind", string(act.Kind)),
		)
	}
}

// newActionMessage makes a message of an action. Heartbeats are not traced, because an approval may have thousands.
func newActionMessage(act approval.Action) *message.Message {
	payload, err := json.Marshal(act)
	if err != nil {
		panic(err) // an action has texts, numbers and a time, which JSON can always represent
	}
	msg := message.NewMessage(watermill.NewULID(), payload)
	msg.Metadata.Set(metaKind, string(act.Kind))
	name := act.Target
	if act.Kind == approval.ActionNotify {
		name = act.Channel
	}
	msg.Metadata.Set(metaName, name)
	if act.Trace != "" && act.Kind != approval.ActionHeartbeat {
		msg.Metadata.Set(metaTrace, act.Trace)
		msg.Metadata.Set(metadata.OrderID, act.OrderID)
		msg.Metadata.Set(metaAttempt, strconv.Itoa(act.Attempt))
	}
	return msg
}

func (d *Dispatcher) countRunning(msg *message.Message, delta int) {
	o := output{approval.ActionKind(msg.Metadata.Get(metaKind)), msg.Metadata.Get(metaName)}
	d.mu.Lock()
	d.running[o] += delta
	d.mu.Unlock()
	d.observer.RunningActionsChanged(o.kind, delta)
}

// releaseCapacity is the middleware that releases the capacity of a finished action. It returns no error, because the
// Go channel would then deliver the action again at once; the record of the order states when the next attempt begins.
// recoverPanics must be inside it.
func (d *Dispatcher) releaseCapacity(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		defer d.countRunning(msg, -1)
		if _, err := h(msg); err != nil {
			d.log.LogAttrs(msg.Context(), slog.LevelWarn, "action not recorded",
				slog.String("kind", msg.Metadata.Get(metaKind)),
				slog.String("error", err.Error()),
			)
		}
		return nil, nil
	}
}

// Close implements message.Subscriber: it stops handing actions out. From then on there is no capacity, so that no new
// action begins, and due actions are left to the sweeper of the next process.
func (d *Dispatcher) Close() error {
	d.mu.Lock()
	clear(d.subscribed)
	d.mu.Unlock()
	return d.topics.Close()
}
