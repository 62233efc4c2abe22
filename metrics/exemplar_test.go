package metrics

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

type inTrace struct{}

// An observation in a sampled trace has the trace as exemplar. Other observations have no exemplar.
func TestExemplars(t *testing.T) {
	t.Parallel()
	traced := context.WithValue(t.Context(), inTrace{}, "0af7651916cd43dd8448eb211c80319c")
	for name, tc := range map[string]struct {
		ctx   context.Context
		trace func(context.Context) string
		want  int
	}{
		"in a trace":     {traced, func(ctx context.Context) string { id, _ := ctx.Value(inTrace{}).(string); return id }, 5},
		"in none":        {t.Context(), func(ctx context.Context) string { id, _ := ctx.Value(inTrace{}).(string); return id }, 0},
		"nothing traced": {traced, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reg := prometheus.NewRegistry()
			m := New(reg, Config{TraceID: tc.trace})
			m.MessageHandled(tc.ctx, "callbacks", "ok", time.Second)
			m.Observe(tc.ctx, []approval.Event{
				{Kind: approval.EventDecided, Age: time.Hour},
				{Kind: approval.EventFirstNotified, Age: time.Second},
				{Kind: approval.EventNotified, Age: time.Second},
				{Kind: approval.EventCallbackEnded, Code: "delivered", Age: time.Second},
			})
			families, err := reg.Gather()
			require.NoError(t, err)
			found := 0
			for _, f := range families {
				for _, series := range f.GetMetric() {
					for _, b := range series.GetHistogram().GetBucket() {
						if e := b.GetExemplar(); e != nil {
							found++
							require.Equal(t, "trace_id", e.GetLabel()[0].GetName())
							require.Equal(t, "0af7651916cd43dd8448eb211c80319c", e.GetLabel()[0].GetValue())
						}
					}
				}
			}
			require.Equal(t, tc.want, found)
		})
	}
}
