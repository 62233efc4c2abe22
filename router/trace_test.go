package router

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// notes is a Tracer that keeps its calls. A context has the trace that it was given.
type notes struct{ said []string }

type carriedKey struct{}

func (n *notes) ContinueTrace(ctx context.Context, traceparent, xray string) context.Context {
	return context.WithValue(ctx, carriedKey{}, traceparent+"|"+xray)
}

func (n *notes) StartSpan(ctx context.Context, name string, attributes ...string) (context.Context, func(error)) {
	n.said = append(n.said, fmt.Sprint("begin ", name, " in ", ctx.Value(carriedKey{}), " ", strings.Join(attributes, " ")))
	return ctx, func(err error) { n.said = append(n.said, fmt.Sprint("end ", err)) }
}

func TestTrace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handler string
		meta    message.Metadata
		carried string
		want    []string
	}{
		"a request in no trace": {"request-orders", nil, "|", []string{"begin request-orders in | message_id m-1", "end odd"}},
		"a request by SQS": {
			"request-orders",
			message.Metadata{"attribute.traceparent": "w", "aws_trace_header": "x"},
			"w|x",
			[]string{"begin request-orders in w|x message_id m-1", "end odd"},
		},
		"a request by HTTP": {
			"request-orders",
			message.Metadata{"header.traceparent": "w", "header.x-amzn-trace-id": "x"},
			"w|x",
			[]string{"begin request-orders in w|x message_id m-1", "end odd"},
		},
		"a decision has no own span": {"decision-api", message.Metadata{"header.traceparent": "w"}, "w|", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &notes{}
			m := msg(t)
			if tc.meta != nil {
				m.Metadata = tc.meta
			}
			before := handlerContext(t, tc.handler)
			m.SetContext(before)
			isRequest := func(name string) bool { return name == "request-orders" }
			handle := func(m *message.Message) ([]*message.Message, error) {
				require.Equal(t, tc.carried, m.Context().Value(carriedKey{}))
				return nil, errOdd
			}
			_, err := traceMessages(n, isRequest)(handle)(m)
			require.Equal(t, errOdd, err)
			require.Equal(t, before, m.Context())
			require.Equal(t, tc.want, n.said)
		})
	}
}

// handlerContext returns the context of a message of a handler. Only a router makes it.
func handlerContext(t *testing.T, name string) context.Context {
	t.Helper()
	r, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	require.NoError(t, err)
	in := gochannel.NewGoChannel(gochannel.Config{}, watermill.NopLogger{})
	out := make(chan context.Context, 1)
	r.AddConsumerHandler(name, name, in, func(m *message.Message) error { out <- m.Context(); return nil })
	go func() { _ = r.Run(t.Context()) }()
	<-r.Running()
	require.NoError(t, in.Publish(name, message.NewMessage("x", nil)))
	return <-out
}

// An action is a span in the trace of its approval. A heartbeat is none, and neither is an action that is not traced.
func TestTraceOfActions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind    approval.ActionKind
		trace   string
		carried any
		want    []string
	}{
		"an action": {approval.ActionCallback, "w", "w|",
			[]string{"begin call_back sfn in w| order_id o-1 attempt 2", "end odd"}},
		"an action that is not traced": {approval.ActionCallback, "", nil, nil},
		"a heartbeat":                  {approval.ActionHeartbeat, "w", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDispatcher(newWatcher(), 4)
			defer func() { _ = d.Close() }()
			in, err := d.Subscribe(t.Context(), TopicCallbacks)
			require.NoError(t, err)
			d.Dispatch(t.Context(), []approval.Action{{
				Kind:    tc.kind,
				OrderID: "o-1",
				Target:  "sfn",
				Attempt: 2,
				Trace:   tc.trace,
			}})
			n := &notes{}
			m := <-in
			before := m.Context()
			handle := func(m *message.Message) ([]*message.Message, error) {
				require.Equal(t, tc.carried, m.Context().Value(carriedKey{}))
				return nil, errOdd
			}
			_, err = traceMessages(n, func(string) bool { return false })(handle)(m)
			require.Equal(t, errOdd, err)
			require.Equal(t, before, m.Context())
			require.Equal(t, tc.want, n.said)
		})
	}
}
