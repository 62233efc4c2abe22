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

// The in-process topics.
const (
	TopicNotifications = "notifications"
	TopicCallbacks     = "callbacks"
)

// DispatchObserver is told what the dispatcher does.
type DispatchObserver interface {
	ActionDispatched(kind approval.ActionKind)
	RunningActionsChanged(kind approval.ActionKind, delta int)
	DeadLettered(source string)
}

// Dispatcher hands actions to the handlers that carry them out, over in-process
// topics. What it is given is begun in the record already; if it is lost, its
// lease ends and the sweeper begins the next attempt.
type Dispatcher struct {
	topics   *gochannel.GoChannel
	limit    int
	observer DispatchObserver
	log      *slog.Logger

	mu      sync.Mutex
	heard   map[string]bool // topics that somebody listens to
	running map[load]int
}

// load is what is bounded: the actions of one kind under way for one channel or
// target, so that a slow one holds up no other.
type load struct {
	kind approval.ActionKind
	name string
}

// NewDispatcher returns a dispatcher that runs at most limit actions of a kind
// at once for each channel or target.
func NewDispatcher(limit int, o DispatchObserver, log *slog.Logger) *Dispatcher {
	return &Dispatcher{
		topics:   gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: int64(limit)}, watermill.NopLogger{}),
		limit:    limit,
		observer: o,
		log:      log,
		heard:    map[string]bool{},
		running:  map[load]int{},
	}
}

// Subscribe implements message.Subscriber: it is the receiving end of a topic.
func (d *Dispatcher) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out, err := d.topics.Subscribe(ctx, topic)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard[topic] = err == nil
	return out, err
}

// Room says whether one more action fits. Between the question and Dispatch
// others may take the room: the limit is exceeded by what is asked at once.
// There is none before somebody listens: a Go channel drops what nobody hears,
// and the router begins to consume before it has subscribed to all.
func (d *Dispatcher) Room(kind approval.ActionKind, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard[topicOf(kind)] && d.running[load{kind, name}] < d.limit
}

func topicOf(kind approval.ActionKind) string {
	if kind == approval.ActionNotify {
		return TopicNotifications
	}
	return TopicCallbacks
}

// Dispatch hands the actions out. A dead letter is announced at once: the record
// of its order keeps it.
func (d *Dispatcher) Dispatch(ctx context.Context, actions []approval.Action) {
	for _, act := range actions {
		d.observer.ActionDispatched(act.Kind)
		switch act.Kind {
		case approval.ActionNotify, approval.ActionCallback, approval.ActionHeartbeat:
			d.publish(ctx, act)
		case approval.ActionDeadLetter:
			d.observer.DeadLettered("order")
			d.log.LogAttrs(ctx, slog.LevelError, "dead letter", slog.String("source", "order"), slog.String("order_id", act.OrderID),
				slog.String("approval_id", act.ApprovalID), slog.String("reason", act.Reason))
		}
	}
}

func (d *Dispatcher) publish(ctx context.Context, act approval.Action) {
	payload, err := json.Marshal(act)
	if err != nil {
		panic(err) // strings, numbers and a time
	}
	msg := message.NewMessage(watermill.NewULID(), payload)
	msg.Metadata.Set(metaKind, string(act.Kind))
	name := act.Target
	if act.Kind == approval.ActionNotify {
		name = act.Channel
	}
	msg.Metadata.Set(metaName, name)
	if act.Trace != "" && act.Kind != approval.ActionHeartbeat { // there may be thousands of those
		msg.Metadata.Set(metaTrace, act.Trace)
		msg.Metadata.Set(metadata.OrderID, act.OrderID)
		msg.Metadata.Set(metaAttempt, strconv.Itoa(act.Attempt))
	}
	d.add(msg, 1)
	if err := d.topics.Publish(topicOf(act.Kind), msg); err != nil { // closed: we are going down
		d.add(msg, -1)
		d.log.LogAttrs(ctx, slog.LevelInfo, "action left to the sweeper", slog.String("order_id", act.OrderID), slog.String("kind", string(act.Kind)))
	}
}

// Keys of the metadata of an action's message.
const (
	metaKind = "kind"
	metaName = "name"
	// Of what is traced, beside metadata.OrderID.
	metaAttempt = "attempt"
)

func (d *Dispatcher) add(msg *message.Message, delta int) {
	l := load{approval.ActionKind(msg.Metadata.Get(metaKind)), msg.Metadata.Get(metaName)}
	d.mu.Lock()
	d.running[l] += delta
	d.mu.Unlock()
	d.observer.RunningActionsChanged(l.kind, delta)
}

// done is the middleware that gives the room back. It also ends the message,
// whatever its error: a Go channel would resend it at once, but the next attempt
// is the record's to begin. So a panic must have become an error inside it.
func (d *Dispatcher) done(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		defer d.add(msg, -1)
		if _, err := h(msg); err != nil {
			d.log.LogAttrs(msg.Context(), slog.LevelWarn, "action not recorded", slog.String("kind", msg.Metadata.Get(metaKind)), slog.String("error", err.Error()))
		}
		return nil, nil
	}
}

// Close implements message.Subscriber: it stops the handing out. There is no room
// for anything any more: what is due is left to whoever sweeps next, not begun.
func (d *Dispatcher) Close() error {
	d.mu.Lock()
	clear(d.heard)
	d.mu.Unlock()
	return d.topics.Close()
}
