package dynamodb

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
)

// meter adds up the capacity units that DynamoDB reports.
type meter struct {
	mu          sync.Mutex
	read, write float64
}

// options makes each call ask for its capacity units, and adds up the answers.
func (m *meter) options(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("meter", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		if f := reflect.ValueOf(in.Parameters).Elem().FieldByName("ReturnConsumedCapacity"); f.IsValid() {
			f.Set(reflect.ValueOf(types.ReturnConsumedCapacityTotal))
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		if err != nil {
			return out, metadata, err
		}
		if f := reflect.ValueOf(out.Result).Elem().FieldByName("ConsumedCapacity"); f.IsValid() {
			m.add(in.Parameters, f.Interface())
		}
		return out, metadata, nil
	}), middleware.Before)
}

func (m *meter) add(call, used any) {
	var all []types.ConsumedCapacity
	switch used := used.(type) {
	case *types.ConsumedCapacity:
		all = []types.ConsumedCapacity{*used}
	case []types.ConsumedCapacity:
		all = used
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range all {
		if f := reflect.TypeOf(call).Elem().Name(); f == "GetItemInput" || f == "QueryInput" || f == "BatchGetItemInput" {
			m.read += *c.CapacityUnits
		} else {
			m.write += *c.CapacityUnits
		}
	}
}

func (m *meter) take() (read, write float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	read, write = m.read, m.write
	m.read, m.write = 0, 0
	return read, write
}

// TestCost checks the capacity units of an approval in docs/sizing.md.
func TestCost(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip(dynamodbtest.ErrMissing)
	}
	m := &meter{}
	cfg := server.Config()
	cfg.APIOptions = append(cfg.APIOptions, m.options)
	s := open(t, Config{AWS: cfg, Settings: Settings{Table: newTable(), Create: true}})
	var now = startTime
	var actions []approval.Action
	var read, write float64
	step := func(name string, f func(o *approval.Order, turn approval.Environment) []approval.Action) {
		m.take()
		mustUpdate(t, s, "order-0001", func(o *approval.Order) error {
			actions = f(o, approval.Environment{Now: now, Lease: 30 * time.Second})
			return nil
		})
		r, w := m.take()
		t.Logf("%s: %g read, %g written", name, r, w)
		read, write, now = read+r, write+w, now.Add(time.Second)
	}
	token := string(randomText(700))
	step("request", func(o *approval.Order, turn approval.Environment) []approval.Action {
		_, actions, err := o.AddRequest(approval.Request{
			Token:     approval.NewToken(token),
			Target:    "stepfunctions",
			Workflow:  "orders",
			Policy:    approval.Policy{Kind: approval.PolicyAny},
			Approvers: []approval.Approver{{ID: "ann@example.com", Nonce: "0123456789abcdef"}},
			Channels:  []string{"mail"},
			Title:     "Order 0001",
			Details:   []approval.Field{{Name: "total", Value: "1200"}},
			Deadline:  startTime.Add(time.Hour),
			Retention: 24 * time.Hour,
		}, turn)
		require.NoError(t, err)
		return actions
	})
	require.Len(t, actions, 1)
	step("notified", func(o *approval.Order, turn approval.Environment) []approval.Action {
		o.RecordNotificationResult(actions[0], approval.Result{Kind: approval.ResultOK}, turn)
		return nil
	})
	step("decided", func(o *approval.Order, turn approval.Environment) []approval.Action {
		_, actions, err := o.Decide(approval.Decision{
			ID:      "d",
			Via:     approval.ViaAPI,
			Source:  "api",
			By:      "ann@example.com",
			Outcome: approval.Approve,
		}, approval.UnmatchedRetention{}, turn)
		require.NoError(t, err)
		return actions
	})
	require.Len(t, actions, 1)
	step("answered", func(o *approval.Order, turn approval.Environment) []approval.Action {
		o.RecordCallbackResult(actions[0], approval.Result{Kind: approval.ResultOK}, turn)
		return nil
	})
	for _, wait := range []time.Duration{2 * time.Hour, 48 * time.Hour} {
		now = now.Add(wait)
		m.take()
		ids, err := s.Claim(t.Context(), now, 10, time.Second)
		require.NoError(t, err)
		require.Len(t, ids, 1)
		r, w := m.take()
		t.Logf("claim: %g read, %g written", r, w)
		read, write = read+r, write+w
		step("tidied", func(o *approval.Order, turn approval.Environment) []approval.Action { return o.Advance(turn) })
	}
	t.Logf("in all: %g read, %g written", read, write)
	require.LessOrEqual(t, write, 80.0)
	require.LessOrEqual(t, read, 7.0)
}

// randomText returns a text that is as incompressible as a task token.
func randomText(n int) []byte {
	b := randomBytes(n)
	for i := range b {
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[b[i]&63]
	}
	return b
}

// TestCostOfAHeartbeat checks the capacity units of a heartbeat in docs/sizing.md. A heartbeat that the target accepts
// stores nothing beside the time of the next one.
func TestCostOfAHeartbeat(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip(dynamodbtest.ErrMissing)
	}
	m := &meter{}
	cfg := server.Config()
	cfg.APIOptions = append(cfg.APIOptions, m.options)
	s := open(t, Config{AWS: cfg, Settings: Settings{Table: newTable(), Create: true}})
	const interval = 4 * time.Minute
	now := startTime
	mustUpdate(t, s, "order-0001", func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token:             approval.NewToken(string(randomText(700))),
			Target:            "stepfunctions",
			Workflow:          "orders",
			Policy:            approval.Policy{Kind: approval.PolicyAny},
			Approvers:         []approval.Approver{{ID: "ann@example.com", Nonce: "0123456789abcdef"}},
			Title:             "Order 0001",
			Details:           []approval.Field{{Name: "total", Value: "1200"}},
			Deadline:          startTime.Add(24 * time.Hour),
			Retention:         24 * time.Hour,
			HeartbeatInterval: interval,
		}, approval.Environment{Now: now, Lease: 30 * time.Second})
		return err
	})
	m.take()
	const heartbeats = 5
	for range heartbeats {
		now = now.Add(interval)
		ids, err := s.Claim(t.Context(), now, 10, 2*time.Second)
		require.NoError(t, err)
		require.Len(t, ids, 1)
		mustUpdate(t, s, "order-0001", func(o *approval.Order) error {
			actions := o.Advance(approval.Environment{Now: now, Lease: 30 * time.Second})
			require.Len(t, actions, 1)
			require.True(t, o.HeartbeatChangesNothing(actions[0], approval.Result{Kind: approval.ResultOK}))
			return nil
		})
		_, err = s.Get(t.Context(), "order-0001") // for the call
		require.NoError(t, err)
	}
	read, write := m.take()
	t.Logf("a heartbeat: %g read, %g written", read/heartbeats, write/heartbeats)
	require.LessOrEqual(t, write/heartbeats, 8.0)
	require.LessOrEqual(t, read/heartbeats, 3.0)
}
