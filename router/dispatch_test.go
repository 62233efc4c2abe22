package router

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// receive takes the next message of a topic.
func receive(t *testing.T, messages <-chan *message.Message) (*message.Message, approval.Action) {
	t.Helper()
	select {
	case m := <-messages:
		var act approval.Action
		require.NoError(t, json.Unmarshal(m.Payload, &act))
		return m, act
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing was handed out")
		return nil, approval.Action{}
	}
}

func TestDispatch(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := NewDispatcher(1, w, w.logger())
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
	require.False(t, d.HasCapacity(approval.ActionNotify, "mail"))
	require.False(t, d.HasCapacity(approval.ActionCallback, "sfn"))
	require.False(t, d.HasCapacity(approval.ActionHeartbeat, "sfn"))
	require.Equal(t, []string{"order"}, w.dead)
	require.Contains(t, w.logged(), `"reason":"given up"`)
	require.NoError(t, d.Close())
}

// Each kind of action on each channel or target has its own capacity. It is released after every end of a handler.
func TestRoom(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := NewDispatcher(2, w, w.logger())
	messages, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	_, err = d.Subscribe(t.Context(), TopicNotifications)
	require.NoError(t, err)
	slow := approval.Action{Kind: approval.ActionCallback, OrderID: "A-1", Target: "slow"}
	require.True(t, d.HasCapacity(approval.ActionCallback, "slow"))
	d.Dispatch(t.Context(), []approval.Action{slow, slow})
	require.False(t, d.HasCapacity(approval.ActionCallback, "slow"))
	require.True(t, d.HasCapacity(approval.ActionCallback, "quick"))
	require.True(t, d.HasCapacity(approval.ActionHeartbeat, "slow"))
	require.True(t, d.HasCapacity(approval.ActionNotify, "slow"))
	require.Equal(t, 2, w.running[approval.ActionCallback])

	first, _ := receive(t, messages)
	_, err = d.releaseCapacity(func(*message.Message) ([]*message.Message, error) {
		require.False(t, d.HasCapacity(approval.ActionCallback, "slow"), "while it runs")
		return nil, errOdd
	})(first)
	require.NoError(t, err, "a Go channel would hand it over again at once")
	require.Contains(t, w.logged(), "action not recorded")
	require.True(t, d.HasCapacity(approval.ActionCallback, "slow"))
	first.Ack()

	second, _ := receive(t, messages)
	require.Panics(t, func() {
		_, _ = d.releaseCapacity(func(*message.Message) ([]*message.Message, error) { panic("odd") })(second)
	})
	require.Zero(t, w.running[approval.ActionCallback])
	second.Ack()
}

// Actions after the shutdown are left to the sweeper of the next process.
func TestDispatchAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := NewDispatcher(1, w, w.logger())
	_, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	d.Dispatch(t.Context(), []approval.Action{{Kind: approval.ActionCallback, OrderID: "A-1", Target: "sfn"}})
	require.False(t, d.HasCapacity(approval.ActionCallback, "sfn"), "nothing is begun any more")
	require.Zero(t, w.running[approval.ActionCallback])
	require.Contains(t, w.logged(), "action left to the sweeper")
}

// The router consumes before it has subscribed to all topics. Without a subscriber there is no capacity, so that no
// action is lost and its capacity with it.
func TestNoRoomBeforeSomebodyListens(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := NewDispatcher(1, w, w.logger())
	for kind, topic := range map[approval.ActionKind]string{
		approval.ActionNotify: TopicNotifications, approval.ActionCallback: TopicCallbacks,
	} {
		require.False(t, d.HasCapacity(kind, "x"))
		_, err := d.Subscribe(t.Context(), topic)
		require.NoError(t, err)
		require.True(t, d.HasCapacity(kind, "x"))
	}
	require.True(t, d.HasCapacity(approval.ActionHeartbeat, "x"))
	require.NoError(t, d.Close())
}
