package store

import (
	"encoding/base64"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// typicalOrder returns an order with one approval that was requested, notified, decided and answered.
func typicalOrder(tb testing.TB) *approval.Order {
	tb.Helper()
	now := time.Date(2026, 3, 1, 9, 0, 0, 123_456_789, time.UTC)
	env := func() approval.Environment {
		now = now.Add(1_234_567_891)
		return approval.Environment{
			Now:     now,
			Lease:   30 * time.Second,
			Reserve: func(approval.Action, approval.Token) bool { return true },
		}
	}
	secret := make([]byte, 525)
	_, _ = rand.NewChaCha8([32]byte{}).Read(secret)
	retry := approval.RetrySchedule{Base: 2 * time.Second, Cap: 5 * time.Minute, MaxAge: 24 * time.Hour}
	o := &approval.Order{ID: "order-2026-000123"}
	_, actions, err := o.AddRequest(approval.Request{
		Token:    approval.NewToken(base64.StdEncoding.EncodeToString(secret)),
		Target:   "payments",
		Workflow: "purchase-orders",
		Step:     "release",
		Title:    "Purchase order 4711 for 12 chairs",
		Details: []approval.Field{
			{Name: "amount", Value: "1,250.00 EUR", Kind: approval.KindAmount, Currency: "EUR", Path: "/amount"},
			{Name: "supplier", Value: "Chairs & Tables Ltd", Path: "/supplier"},
			{Name: "reason", Value: "The old chairs are worn out", Path: "/reason"},
		},
		Execution: "arn:aws:states:eu-central-1:123456789012:execution:purchase-orders:0b0e1c5e-3d4f-4a7b-9b38-0f4e7f0c4f11",
		Approvers: []approval.Approver{
			{ID: "ann@example.com", Nonce: "9f86d081884c7d65"}, {ID: "ben@example.com", Nonce: "60303ae22b998861"},
		},
		Policy:            approval.Policy{Kind: approval.PolicyAny},
		Channels:          []string{"email"},
		Deadline:          now.Add(48 * time.Hour),
		TaskExpires:       now.Add(72 * time.Hour),
		CallbackRetry:     retry,
		NotificationRetry: retry,
		Retention:         30 * 24 * time.Hour,
	}, env())
	require.NoError(tb, err)
	for _, a := range actions {
		more := o.RecordNotificationResult(a, approval.Result{Kind: approval.ResultOK}, env())
		require.Empty(tb, more)
	}
	_, actions, err = o.Decide(approval.Decision{
		ID: "d-1", Outcome: approval.Approve, By: "ann@example.com", Step: "release", Via: approval.ViaLink, Comment: "agreed",
	}, approval.UnmatchedRetention{}, env())
	require.NoError(tb, err)
	for _, a := range actions {
		if a.Kind == approval.ActionCallback {
			o.RecordCallbackResult(a, approval.Result{Kind: approval.ResultOK}, env())
		}
	}
	require.Equal(tb, approval.CallbackDelivered, o.Approvals[0].Callback.State)
	return o.AsStored()
}

func TestSizeOfTypicalRecord(t *testing.T) {
	t.Parallel()
	o := typicalOrder(t)
	ring := keys.NewRing(time.Now())
	b, err := Encode(o.ID, o, NewUnknown(), ring)
	require.NoError(t, err)
	old, err := encodeJSON(o, Unknown{}, ring)
	require.NoError(t, err)
	t.Logf("%d bytes, JSON %d", len(b), len(old))
	t.Logf("%q", b)
	t.Logf("%s", old)
}

// BenchmarkRecord measures the CPU time as well, which other programs on the machine change least.
func BenchmarkRecord(b *testing.B) {
	ring := keys.NewRing(time.Now())
	o := typicalOrder(b)
	unknown := NewUnknown()
	record, err := Encode(o.ID, o, unknown, ring)
	require.NoError(b, err)
	text, err := encodeJSON(o, Unknown{}, ring)
	require.NoError(b, err)
	for _, c := range []struct {
		name string
		f    func() error
	}{
		{"Encode", func() error { _, err := Encode(o.ID, o, unknown, ring); return err }},
		{"Decode", func() error { _, err := Decode(o.ID, record, ring); return err }},
		{"Encode JSON", func() error { _, err := encodeJSON(o, Unknown{}, ring); return err }},
		{"Decode JSON", func() error { _, err := Decode(o.ID, text, ring); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime(b)
			for range b.N {
				if err := c.f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
