package router

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// The topics of actions. They exist in this process only.
const (
	TopicNotifications = "notifications"
	TopicCallbacks     = "callbacks"
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
	// Concurrency returns the most actions of a kind on a channel or target, or to each host of a target of callback URLs.
	// A reload of the configuration may change it.
	Concurrency func(kind approval.ActionKind, output string) int
	// PerURLTarget bounds the actions of each kind on a target of callback URLs. A few hosts that hang must not use up the
	// capacity of their target.
	PerURLTarget int
	// HostOf returns the host that an answer of a target goes to, or "" if the target has no callback URLs.
	HostOf func(target string, token approval.Token) string
	// IsPaused reports whether an operator has paused a workflow. Nil means that none ever is.
	IsPaused func(workflow string) bool
}

// Dispatcher hands actions to their handlers over topics in this process. The topics are not durable and need not be:
// the record of the order already has each action as begun, so if an action is lost, its lease expires and the sweeper
// begins the next attempt.
type Dispatcher struct {
	topics   map[string]*topic
	limits   Limits
	capacity *capacity
	observer DispatchObserver
	log      *slog.Logger

	// Return records that an action was begun and is not made, because the program stops. Without it, the next process assumes
	// that the attempt may have been made.
	Return func(ctx context.Context, action approval.Action) error
}

// topicBuffer is the number of actions that a topic takes before the publisher needs a goroutine for each.
const topicBuffer = 256

// NewDispatcher returns a dispatcher with these limits.
func NewDispatcher(limits Limits, o DispatchObserver, log *slog.Logger) *Dispatcher {
	return &Dispatcher{
		topics: map[string]*topic{
			TopicNotifications: newTopic(topicBuffer),
			TopicCallbacks:     newTopic(topicBuffer),
		},
		limits:   limits,
		capacity: newCapacity(o, limits.IsPaused),
		observer: o,
		log:      log,
	}
}

// Subscribe implements message.Subscriber: it returns the receiving end of a topic.
//
// Before the topic has a subscriber the capacity is zero, because the router starts to consume before it has subscribed
// to all topics.
func (d *Dispatcher) Subscribe(ctx context.Context, name string) (<-chan *message.Message, error) {
	t, known := d.topics[name]
	if !known {
		return nil, fmt.Errorf("router: no topic %q", name)
	}
	out, err := t.subscribe(ctx)
	switch {
	case err != nil:
	case name == TopicNotifications:
		d.capacity.setReady(approval.ActionNotify)
	case name == TopicCallbacks:
		d.capacity.setReady(approval.ActionCallback, approval.ActionHeartbeat, approval.ActionReconcile)
	}
	return out, err
}

// Reserve implements handlers.Dispatcher.
func (d *Dispatcher) Reserve(r handlers.Reservation) bool {
	limit := d.limits.Concurrency(r.Action.Kind, r.Action.OutputName())
	output := need{resource{kind: r.Action.Kind, name: r.Action.OutputName()}, limit}
	host := ""
	if r.Action.Kind != approval.ActionNotify && d.limits.HostOf != nil {
		host = d.limits.HostOf(r.Action.Target, r.Token)
	}
	if host == "" {
		return d.capacity.reserve(keyOf(r.Action), r.Action, r.Urgent, []need{output})
	}
	output.limit = d.limits.PerURLTarget
	// The host comes first: an order that waits for its slow host leaves the slots of the target to others. Targets
	// with the same host have limits of their own for it.
	place := need{resource{name: r.Action.Target + "\x00" + host}, limit}
	return d.capacity.reserve(keyOf(r.Action), r.Action, r.Urgent, []need{place, output})
}

// Hold reports whether an action must wait because its workflow is paused. The order then waits in memory, as for
// capacity, and is advanced soon after the workflow is resumed. Its record has the action due again some minutes later, for
// the case that this process ends before, see Sweeper.AwaitHeld.
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

// actionKey tells an action apart from every other.
type actionKey struct {
	kind, orderID, approvalID, notification string

	number int64
}

// keyOf returns the key of an action. An attempt is begun once; heartbeats are not numbered, but each has an end of its
// own. A probe is a heartbeat with a number.
func keyOf(a approval.Action) actionKey {
	key := actionKey{
		kind:         string(a.Kind),
		orderID:      a.OrderID,
		approvalID:   a.ApprovalID,
		notification: a.Notification,
		number:       int64(a.Attempt),
	}
	switch {
	case a.Probe:
		key.kind = "probe"
	case a.Kind == approval.ActionHeartbeat:
		key.number = a.LeaseExpires.UnixNano()
	}
	return key
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
	if err := d.topics[topicOf(act.Kind)].publish(newActionMessage(act)); err != nil { // closed: the program stops
		d.Release(act)
		if d.Return != nil && d.Return(ctx, act) == nil {
			return
		}
		d.log.LogAttrs(ctx, slog.LevelInfo, "action left to the sweeper",
			slog.String("order_id", act.OrderID),
			slog.String("kind", string(act.Kind)),
		)
	}
}

// newActionMessage makes a message of an action. Its context does not end with the router: an action that was handed out
// is finished.
func newActionMessage(act approval.Action) *message.Message {
	msg := &message.Message{UUID: act.ApprovalID}
	msg.SetContext(handlers.WithAction(context.Background(), act))
	return msg
}

// releaseCapacity is the middleware that releases the capacity of a finished action. It never returns an error: an
// action is not delivered again, and the record of the order states when the next attempt begins. recoverPanics must be
// inside it.
func (d *Dispatcher) releaseCapacity(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		act, _ := handlers.ActionOf(msg.Context())
		defer d.topics[topicOf(act.Kind)].running.Done()
		defer d.capacity.release(keyOf(act))
		if _, err := h(msg); err != nil {
			d.log.LogAttrs(msg.Context(), slog.LevelWarn, "action not recorded",
				slog.String("kind", string(act.Kind)),
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
	for _, t := range d.topics {
		t.close()
	}
	return nil
}

// awaitActions waits until the handlers of all actions have ended that were handed out, or until the timer fires. It
// reports whether they have.
func (d *Dispatcher) awaitActions(timer *time.Timer) bool {
	ended := make(chan struct{})
	go func() {
		for _, t := range d.topics {
			t.running.Wait()
		}
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}
