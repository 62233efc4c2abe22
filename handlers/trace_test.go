package handlers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// spans is a Tracer that keeps its calls.
type spans struct {
	here string
	told []string
}

type within struct{}

func (s *spans) TraceParent(context.Context) string { return s.here }

func (s *spans) RecordTransition(ctx context.Context, orderID string, _ time.Time, events []approval.Event, err error) context.Context {
	what := orderID
	for _, e := range events {
		what += " " + string(e.Kind)
	}
	if err != nil {
		what += ": " + err.Error()
	}
	s.told = append(s.told, what)
	return context.WithValue(ctx, within{}, what)
}

// Requests and decisions keep the trace in which they arrived, also a decision that waits. The tracer gets each transition,
// also if it was not stored.
func TestTracer(t *testing.T) {
	t.Parallel()
	const one, two = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	h := newHouse()
	s := &spans{here: two}
	h.Tracer = s
	require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, `{"orderId":"A-1","decision":"approve","decisionId":"d"}`)))
	o, err := h.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.Equal(t, two, o.Unmatched[0].Decision.Trace)
	s.here = one
	require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`"}`)))
	require.Equal(t, one, h.approval(t, "A-1").Trace)
	require.Equal(t, []string{"A-1 decision", "A-1 requested decided decision"}, s.told)

	h.failing = errOdd
	err = h.requests().Handle(msg(t, `{"orderId":"A-2","taskToken":"`+token+`"}`))
	require.ErrorIs(t, err, errOdd)
	require.Equal(t, "A-2: odd", s.told[2])
}
