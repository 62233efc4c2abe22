package router

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
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
	metaKey     = "key" // of the reserved capacity
)

// DispatchObserver is notified of the dispatcher's work, for the metrics.
type DispatchObserver interface {
	ActionDispatched(kind approval.ActionKind)
	RunningActionsChanged(kind approval.ActionKind, delta int)
	WaitingOrdersChanged(kind approval.ActionKind, delta int)
	DeadLettered(source string)
}

// Limits bound the actions that are under way at the same time.
type Limits struct {
	PerOutput int // of each kind on each channel or target
	// PerURLTarget takes the place of PerOutput for a target of callback URLs: its hosts have limits of their own, and a
	// few hosts that hang must not use up the capacity of their target.
	PerURLTarget int
	PerHost      int // to each host of callback URLs
	// HostOf returns the host that an answer of a target goes to, or "" if the target has no callback URLs.
	HostOf func(target string, token approval.Token) string
	// IsPaused reports whether an operator has paused a workflow. Nil means that none ever is.
	IsPaused func(workflow string) bool
}

// Dispatcher hands actions to their handlers over topics in this process. The topics are not durable and need not be:
// the record of the order already has each action as begun, so if an action is lost, its lease expires and the sweeper
// begins the next attempt.
type Dispatcher struct {
	topics   *gochannel.GoChannel
	limits   Limits
	capacity *capacity
	observer DispatchObserver
	log      *slog.Logger
}

// NewDispatcher returns a dispatcher with these limits.
func NewDispatcher(limits Limits, o DispatchObserver, log *slog.Logger) *Dispatcher {
	buffer := gochannel.Config{OutputChannelBuffer: int64(limits.PerOutput)}
	return &Dispatcher{
		topics:   gochannel.NewGoChannel(buffer, watermill.NopLogger{}),
		limits:   limits,
		capacity: newCapacity(o, limits.IsPaused),
		observer: o,
		log:      log,
	}
}

// Subscribe implements message.Subscriber: it returns the receiving end of a topic.
//
// Before the topic has a subscriber there is no capacity: a Go channel drops messages without a subscriber, and the
// router starts to consume before it has subscribed to all topics.
func (d *Dispatcher) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out, err := d.topics.Subscribe(ctx, topic)
	switch {
	case err != nil:
	case topic == TopicNotifications:
		d.capacity.setReady(approval.ActionNotify)
	case topic == TopicCallbacks:
		d.capacity.setReady(approval.ActionCallback, approval.ActionHeartbeat, approval.ActionReconcile)
	}
	return out, err
}

// Reserve implements handlers.Dispatcher.
func (d *Dispatcher) Reserve(r handlers.Reservation) bool {
	output := resource{kind: r.Action.Kind, name: r.Action.OutputName(), limit: d.limits.PerOutput}
	if r.Action.Kind == approval.ActionNotify || d.limits.HostOf == nil {
		return d.capacity.reserve(keyOf(r.Action), r.Action, r.Urgent, []resource{output})
	}
	host := d.limits.HostOf(r.Action.Target, r.Token)
	if host == "" {
		return d.capacity.reserve(keyOf(r.Action), r.Action, r.Urgent, []resource{output})
	}
	output.limit = d.limits.PerURLTarget
	// The host comes first: an order that waits for its slow host keeps no slot of the target from others.
	resources := []resource{{name: host, limit: d.limits.PerHost}, output}
	return d.capacity.reserve(keyOf(r.Action), r.Action, r.Urgent, resources)
}

// Hold reports whether an action must wait because its workflow is paused. The order then waits in memory, as for
// capacity, and is advanced soon after the workflow is resumed. Its record has the action due again some minutes later, for
// the case that this process ends before.
func (d *Dispatcher) Hold(action approval.Action) bool {
	if d.limits.IsPaused == nil || !d.limits.IsPaused(action.Workflow) {
		return false
	}
	d.capacity.awaitResume(action)
	return true
}

// Release implements handlers.Dispatcher.
func (d *Dispatcher) Release(action approval.Action) { d.capacity.release(keyOf(action)) }

// SetNextDue implements handlers.Dispatcher.
func (d *Dispatcher) SetNextDue(orderID string, next time.Time) { d.capacity.setNextDue(orderID, next) }

// keyOf returns a text that tells an action apart from every other. An attempt is begun once; heartbeats have no number,
// but each has an end of its own. A probe is a heartbeat with a number.
func keyOf(a approval.Action) string {
	kind, number := string(a.Kind), int64(a.Attempt)
	switch {
	case a.Probe:
		kind = "probe"
	case a.Kind == approval.ActionHeartbeat:
		number = a.LeaseExpires.UnixNano()
	}
	var digits [20]byte
	return kind + "\x00" + a.ApprovalID + "\x00" + a.Notification + "\x00" +
		string(strconv.AppendInt(digits[:0], number, 10)) + "\x00" + a.OrderID
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
		case approval.ActionNotify, approval.ActionCallback, approval.ActionHeartbeat, approval.ActionReconcile:
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
	if err := d.topics.Publish(topicOf(act.Kind), newActionMessage(act)); err != nil { // closed: the program stops
		d.Release(act)
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
	msg.Metadata.Set(metaName, act.OutputName())
	msg.Metadata.Set(metaKey, keyOf(act))
	if act.Trace != "" && act.Kind != approval.ActionHeartbeat {
		msg.Metadata.Set(metaTrace, act.Trace)
		msg.Metadata.Set(metadata.OrderID, act.OrderID)
		msg.Metadata.Set(metaAttempt, strconv.Itoa(act.Attempt))
	}
	return msg
}

// releaseCapacity is the middleware that releases the capacity of a finished action. It returns no error, because the
// Go channel would then deliver the action again at once; the record of the order states when the next attempt begins.
// recoverPanics must be inside it.
func (d *Dispatcher) releaseCapacity(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		defer d.capacity.release(msg.Metadata.Get(metaKey))
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
	d.capacity.close()
	return d.topics.Close()
}
