package router

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store"
)

func returns(err error) message.HandlerFunc {
	return func(*message.Message) ([]*message.Message, error) { return nil, err }
}

func msg(t *testing.T) *message.Message {
	t.Helper()
	m := message.NewMessage("m-1", []byte(`{"a":1}`))
	m.SetContext(t.Context())
	return m
}

func refused(code approval.VerdictCode) error { return approval.Verdict{Code: code}.Err() }

// The sender gets the error, and each error is logged once.
func TestSettle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		level string
	}{
		"done": {nil, ""}, "may pass": {errOdd, "WARN"}, "never will": {approval.InvalidField("order", "is missing"), "INFO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatcher()
			var fate handlers.Fate
			m := msg(t)
			m.SetContext(handlers.WithFate(t.Context(), &fate))
			_, err := settleMessages(w.logger())(returns(c.err))(m)
			require.Equal(t, c.err, err)
			require.Equal(t, c.err, fate.Err)
			if c.level == "" {
				require.Empty(t, w.logged())
				return
			}
			var line map[string]any
			require.NoError(t, json.Unmarshal([]byte(w.logged()), &line), "one line")
			require.Equal(t, []any{c.level, "m-1", c.err.Error()}, []any{line["level"], line["message_id"], line["error"]})
		})
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"ok":       nil,
		"filtered": handlers.ErrFiltered,
		"failed":   errOdd,
		"full":     fmt.Errorf("update: %w", approval.OrderFull("it has many approvals")),
		"invalid":  approval.InvalidField("order", "is missing"),
		"refused":  approval.Permanent(fmt.Errorf("no: %w", refused(approval.VerdictConflict))),
	} {
		w := newWatcher()
		_, got := countMessages(w)(returns(err))(msg(t))
		require.Equal(t, err, got)
		require.Equal(t, []string{" " + want}, w.messages)
		require.Contains(t, Results(), want)
	}
}

// drawer takes dead letters.
type drawer struct {
	reasons []string
	err     error
	ctx     error // whether the context was alive
}

func (d *drawer) PutDeadLetter(ctx context.Context, l store.DeadLetter) (string, error) {
	d.ctx = ctx.Err()
	d.reasons = append(d.reasons, l.Source+": "+string(l.Body)+": "+l.Reason)
	return "1", d.err
}

// Only a message with a permanent error becomes a dead letter, and then it is handled.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	never := approval.InvalidField("order", "is missing")
	for name, c := range map[string]struct {
		err, put error
		want     error
		letters  int
		dead     int
	}{
		"done":                       {nil, nil, nil, 0, 0},
		"may pass":                   {errOdd, nil, errOdd, 0, 0},
		"a shutdown":                 {context.Canceled, nil, context.Canceled, 0, 0},
		"never":                      {never, nil, nil, 1, 1},
		"never, and nowhere to keep": {never, errOdd, errOdd, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, d := newWatcher(), &drawer{err: c.put}
			m := msg(t)
			over, cancel := context.WithCancel(t.Context())
			cancel()
			m.SetContext(over)
			_, err := writeDeadLetters(Source{Name: "orders", DeadLetters: d}, w, w, w.logger(), time.Now)(returns(c.err))(m)
			if c.dead == 1 {
				require.Equal(t, "invalid", resultOf(err))
				_, err = settleMessages(w.logger())(returns(err))(msg(t))
			}
			if c.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
				require.False(t, approval.IsPermanent(err), "it is to come again")
			}
			require.Len(t, d.reasons, c.letters)
			require.NoError(t, d.ctx, "what is given up is kept even while the program ends")
			require.Len(t, w.dead, c.dead)
			require.Len(t, w.refused, c.dead)
			if c.dead == 1 {
				want := refusal.Refusal{
					Source: "orders",
					Code:   refusal.Missing,
					Field:  "order",
					Detail: "order: is missing",
					Size:   len(m.Payload),
				}
				require.Equal(t, want, w.refused[0])
			}
			if c.letters == 1 {
				require.Equal(t, `orders: {"a":1}: order: is missing`, d.reasons[0])
			}
		})
	}
}

// A panic is a temporary error. Its value may be a secret and is not in the error.
func TestRecovering(t *testing.T) {
	t.Parallel()
	_, err := recoverPanics(func(*message.Message) ([]*message.Message, error) { panic("secret value") })(msg(t))
	require.Error(t, err)
	require.False(t, approval.IsPermanent(err))
	require.NotContains(t, err.Error(), "secret value")
	require.Contains(t, err.Error(), "panic (string) at\n")
	require.Contains(t, err.Error(), "middleware_test.go", "the place")
	require.Equal(t, "failed", resultOf(err))
}

// The time limit is on the handler. The middleware outside has the message's own context, and a closing router does not
// stop a handler that has started.
func TestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := msg(t)
		closing, cancel := context.WithCancel(t.Context())
		m.SetContext(closing)
		cancel()
		start := time.Now()
		_, err := limitTime(10 * time.Second)(func(m *message.Message) ([]*message.Message, error) {
			require.NoError(t, m.Context().Err())
			<-m.Context().Done()
			return nil, m.Context().Err()
		})(m)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(start))
		require.Equal(t, closing, m.Context())
	})
}

// A closing router does not stop an action that was handed out.
func TestActionsOutliveTheRouter(t *testing.T) {
	t.Parallel()
	d := newDispatcher(newWatcher(), 1)
	closing, cancel := context.WithCancel(t.Context())
	out, err := d.Subscribe(closing, TopicCallbacks)
	require.NoError(t, err)
	d.Dispatch(t.Context(), []approval.Action{{Kind: approval.ActionCallback, OrderID: "o-1"}})
	m := <-out
	cancel()
	require.NoError(t, m.Context().Err())
	action, isAction := handlers.ActionOf(m.Context())
	require.True(t, isAction)
	require.Equal(t, "o-1", action.OrderID)
}

func TestTheLogOfADeadLetterHasNoBody(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	m := message.NewMessage("m-1", []byte(`{"taskToken":"secret"}`))
	m.SetContext(t.Context())
	log := slog.New(slog.NewJSONHandler(w, nil))
	write := writeDeadLetters(Source{Name: "orders", DeadLetters: &drawer{}}, w, w, log, time.Now)
	_, err := settleMessages(log)(write(returns(approval.InvalidField("order", "is missing"))))(m)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(w.logged(), "\n"), "one line")
	require.Contains(t, w.logged(), `"reason":"order: is missing"`)
	require.NotContains(t, w.logged(), "secret")
}

// A message that a filter excludes is neither an error nor a dead letter; its sender gets 204.
func TestFiltered(t *testing.T) {
	t.Parallel()
	w, d := newWatcher(), &drawer{}
	var fate handlers.Fate
	m := msg(t)
	m.SetContext(handlers.WithFate(t.Context(), &fate))
	_, err := settleMessages(w.logger())(writeDeadLetters(Source{Name: "erp", DeadLetters: d}, w, w, w.logger(), time.Now)(returns(handlers.ErrFiltered)))(m)
	require.NoError(t, err)
	require.NoError(t, fate.Err)
	require.Empty(t, d.reasons)
	require.Empty(t, w.logged())
}
