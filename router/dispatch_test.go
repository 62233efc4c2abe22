package router

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// receive takes the next message of a topic.
func receive(t *testing.T, messages <-chan *message.Message) (*message.Message, approval.Action) {
	t.Helper()
	select {
	case m := <-messages:
		act, ok := handlers.ActionOf(m.Context())
		require.True(t, ok)
		return m, act
	case <-time.After(time.Minute):
		require.FailNow(t, "nothing was handed out")
		return nil, approval.Action{}
	}
}

func TestDispatch(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 1)
	notifications, err := d.Subscribe(t.Context(), TopicNotifications)
	require.NoError(t, err)
	callbacks, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	until := time.Now().Add(time.Minute).UTC()
	notify := approval.Action{
		Kind:         approval.ActionNotify,
		OrderID:      "A-1",
		Channel:      "mail",
		Target:       "sfn",
		Attempt:      1,
		LeaseExpires: until,
	}
	call := approval.Action{
		Kind:         approval.ActionCallback,
		OrderID:      "A-1",
		Target:       "sfn",
		Attempt:      2,
		LeaseExpires: until,
	}
	beat := approval.Action{
		Kind:         approval.ActionHeartbeat,
		OrderID:      "A-1",
		Target:       "sfn",
		LeaseExpires: until,
	}
	d.Dispatch(t.Context(), []approval.Action{notify, {Kind: approval.ActionDeadLetter, OrderID: "A-1", Reason: "given up"}})
	_, got := receive(t, notifications)
	require.Equal(t, notify, got)
	for _, want := range []approval.Action{call, beat} {
		d.Dispatch(t.Context(), []approval.Action{want})
		_, got = receive(t, callbacks)
		require.Equal(t, want, got)
	}
	require.Equal(t, []string{"order"}, w.dead)
	require.Contains(t, w.logged(), `"reason":"given up"`)
	require.NoError(t, d.Close())
}

// reservation is the reservation of an action of an order.
func reservation(kind approval.ActionKind, output, orderID string) handlers.Reservation {
	action := approval.Action{Kind: kind, OrderID: orderID, Target: output, Channel: output, Attempt: 1}
	return handlers.Reservation{Action: action}
}

// Each kind of action on each channel or target has its own capacity. It is released after every end of a handler.
func TestEachOutputHasItsOwnCapacity(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 2)
	messages, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	_, err = d.Subscribe(t.Context(), TopicNotifications)
	require.NoError(t, err)
	slow := []handlers.Reservation{
		reservation(approval.ActionCallback, "slow", "A-1"),
		reservation(approval.ActionCallback, "slow", "A-2"),
	}
	for _, r := range slow {
		require.True(t, d.Reserve(r))
		d.Dispatch(t.Context(), []approval.Action{r.Action})
	}
	require.False(t, d.Reserve(reservation(approval.ActionCallback, "slow", "A-3")))
	require.False(t, d.Reserve(slow[0]), "it is under way")
	require.True(t, d.Reserve(reservation(approval.ActionCallback, "quick", "A-3")))
	require.True(t, d.Reserve(reservation(approval.ActionHeartbeat, "slow", "A-3")))
	require.True(t, d.Reserve(reservation(approval.ActionNotify, "slow", "A-3")))
	require.Equal(t, 3, w.running[approval.ActionCallback])
	d.Release(reservation(approval.ActionCallback, "quick", "A-3").Action)

	first, _ := receive(t, messages)
	_, err = d.releaseCapacity(func(*message.Message) ([]*message.Message, error) {
		require.Equal(t, 2, w.running[approval.ActionCallback], "while it runs")
		return nil, errOdd
	})(first)
	require.NoError(t, err, "it is not delivered again")
	require.Contains(t, w.logged(), "action not recorded")
	require.Equal(t, 1, w.running[approval.ActionCallback])
	first.Ack()

	second, _ := receive(t, messages)
	require.Panics(t, func() {
		_, _ = d.releaseCapacity(func(*message.Message) ([]*message.Message, error) { panic("odd") })(second)
	})
	require.Zero(t, w.running[approval.ActionCallback])
	second.Ack()
	require.NoError(t, d.Close())
	require.Zero(t, w.running[approval.ActionNotify], "what was reserved and never begun")
	require.Zero(t, w.waiting[approval.ActionCallback])
}

// The callbacks to a host of callback URLs, and the heartbeats, share the capacity of the host. An order that waits for
// its host uses no capacity of the target.
func TestEachHostHasItsOwnCapacity(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 2)
	_, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	reserve := func(kind approval.ActionKind, host string, n int) bool {
		r := reservation(kind, "http", fmt.Sprint(host, n))
		r.Token = approval.NewToken(host)
		return d.Reserve(r)
	}
	require.True(t, reserve(approval.ActionCallback, "slow", 1))
	require.True(t, reserve(approval.ActionHeartbeat, "slow", 2))
	for i := range 100 {
		require.False(t, reserve(approval.ActionCallback, "slow", 3+i))
	}
	for i := range 7 { // the target has eight slots
		require.True(t, reserve(approval.ActionCallback, fmt.Sprint("quick", i), 1))
	}
	require.False(t, reserve(approval.ActionCallback, "quick7", 1), "the target has no slot left")
	require.Equal(t, 101, w.waiting[approval.ActionCallback])
	require.NoError(t, d.Close())
}

// Actions after the shutdown are left to the sweeper of the next process.
func TestDispatchAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 1)
	_, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	late := reservation(approval.ActionCallback, "sfn", "A-1")
	d.Dispatch(t.Context(), []approval.Action{late.Action})
	require.False(t, d.Reserve(late), "nothing is begun any more")
	require.Zero(t, w.running[approval.ActionCallback])
	require.Contains(t, w.logged(), "action left to the sweeper")

	var returned []approval.Action
	d.Return = func(_ context.Context, a approval.Action) error {
		returned = append(returned, a)
		return nil
	}
	d.Dispatch(t.Context(), []approval.Action{late.Action})
	require.Equal(t, []approval.Action{late.Action}, returned, "its record must not have an attempt that was not made")
}

// The router consumes before it has subscribed to all topics. Without a subscriber there is no capacity, so that no
// action is lost and its capacity with it. The order waits until there is one.
func TestNoCapacityBeforeSomebodyListens(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 1)
	for kind, topic := range map[approval.ActionKind]string{
		approval.ActionNotify: TopicNotifications, approval.ActionCallback: TopicCallbacks,
	} {
		r := reservation(kind, "x", "A-1")
		require.False(t, d.Reserve(r))
		require.Empty(t, d.capacity.takeGrants())
		_, err := d.Subscribe(t.Context(), topic)
		require.NoError(t, err)
		require.Len(t, d.capacity.takeGrants(), 1)
		require.True(t, d.Reserve(r))
	}
	require.True(t, d.Reserve(reservation(approval.ActionHeartbeat, "x", "A-1")))
	require.NoError(t, d.Close())
}
