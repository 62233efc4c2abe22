package router

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// Close waits for the actions that were handed out and that no handler had begun when it was called: after it, the store is
// closed, and their results would be lost.
func TestCloseWaitsForActionsInTheirTopic(t *testing.T) {
	t.Parallel()
	const actions = 200
	w := newWatcher()
	d := newDispatcher(w, actions)
	finish := make(chan struct{})
	var ended atomic.Int32
	carryOut := func(*message.Message) error {
		<-finish
		<-time.After(20 * time.Millisecond) // so that a Close that does not wait is seen
		ended.Add(1)
		return nil
	}
	r, err := New(Parts{
		Now:           time.Now,
		Notifications: carryOut,
		Callbacks:     carryOut,
		Dispatcher:    d,
		Observer:      w,
		Log:           w.logger(),
		TimeLimit:     time.Minute,
		CloseTimeout:  time.Minute,
	})
	require.NoError(t, err)
	run := make(chan error, 1)
	go func() { run <- r.Run(t.Context()) }()
	<-r.Running()
	for i := range actions {
		res := reservation(approval.ActionCallback, "sfn", string(rune('A'+i)))
		require.True(t, d.Reserve(res))
		d.Dispatch(t.Context(), []approval.Action{res.Action})
	}
	closed := make(chan error, 1)
	go func() { closed <- r.Close() }()
	<-d.topics[TopicCallbacks].closing
	close(finish)
	require.NoError(t, next(t, closed))
	require.EqualValues(t, actions, ended.Load())
	require.NoError(t, next(t, run))
	require.Zero(t, w.running[approval.ActionCallback])
}

// Close gives up after its time limit.
func TestCloseGivesUpOnActionsThatHang(t *testing.T) {
	t.Parallel()
	d := newDispatcher(newWatcher(), 1)
	_, err := d.Subscribe(t.Context(), TopicCallbacks)
	require.NoError(t, err)
	d.Dispatch(t.Context(), []approval.Action{reservation(approval.ActionCallback, "sfn", "A-1").Action})
	require.NoError(t, d.Close())
	require.False(t, d.awaitActions(time.NewTimer(0)))
}
