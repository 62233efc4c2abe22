package dynamodb

import (
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// noiseText returns a text that does not become much shorter by compression.
func noiseText(seed, n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return base64.StdEncoding.EncodeToString(b)[:n]
}

// prose returns a text of words, which compression makes shorter.
func prose(seed, n int) string {
	words := strings.Fields("please approve this invoice of the supplier for March because the amount was agreed with finance and " +
		"delivery is complete except two items that come later see contract number page order total budget cost centre")
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))] + " ")
	}
	return b.String()[:n]
}

// encodePlain encodes an order as the store does, without its tokens.
func encodePlain(o *approval.Order, isTight bool) ([]byte, error) {
	record, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if isTight {
		return compress(record, flate.BestCompression)
	}
	return compress(record, flate.BestSpeed)
}

// textOrder is an order with long texts, on the limits of a record.
type textOrder struct {
	t      *testing.T
	o      *approval.Order
	text   func(seed, n int) string
	now    time.Time
	record int // bytes
}

// update is a transition as the store runs it.
func (f *textOrder) update(transition func(*approval.Order, approval.Environment) []approval.Action) ([]approval.Action, error) {
	f.t.Helper()
	size := store.Measure(f.o, f.record)
	actions := transition(f.o, approval.Environment{Now: f.now, Lease: time.Minute})
	fitted, err := recordLimits().Fit(size, f.o, encodePlain)
	f.record = len(fitted)
	return actions, err
}

// request adds an approval with the longest details.
func (f *textOrder) request(n int) error {
	f.t.Helper()
	r := approval.Request{
		Token:     approval.NewToken(fmt.Sprint(n)),
		Target:    "sfn",
		Workflow:  "orders",
		Step:      fmt.Sprint(n),
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  f.now.Add(time.Hour),
		Retention: time.Hour,
	}
	for i := range 5 {
		r.Details = append(r.Details, approval.Field{Name: fmt.Sprint("d", i), Value: f.text(n*10+i, approval.MaxDetail)})
	}
	_, err := f.update(func(o *approval.Order, env approval.Environment) []approval.Action {
		_, actions, err := o.AddRequest(r, env)
		require.NoError(f.t, err)
		return actions
	})
	return err
}

// decide decides an approval with the longest comment, and answers its workflow.
func (f *textOrder) decide(n int) {
	f.t.Helper()
	actions, err := f.update(func(o *approval.Order, env approval.Environment) []approval.Action {
		v, actions, err := o.Decide(approval.Decision{
			ID:      fmt.Sprint(n),
			Step:    fmt.Sprint(n),
			Outcome: approval.Approve,
			By:      "ann",
			Via:     approval.ViaAPI,
			Comment: f.text(1000+n, approval.MaxComment),
		}, approval.UnmatchedRetention{}, env)
		require.NoError(f.t, err)
		require.Equal(f.t, approval.VerdictDecided, v.Code)
		return actions
	})
	require.NoError(f.t, err, "decision %d", n)
	for _, action := range actions {
		_, err := f.update(func(o *approval.Order, env approval.Environment) []approval.Action {
			return o.RecordCallbackResult(action, approval.Result{Kind: approval.ResultOK}, env)
		})
		require.NoError(f.t, err)
	}
}

// TestLongTextsFit fills the record of an order with approvals that have the longest details, until a tenth of the space
// for requests is left. Then each is decided with the longest comment. None is refused because of its comment.
func TestLongTextsFit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     func(seed, n int) string
		requests int // at least
	}{
		"noise": {noiseText, 15},
		"prose": {prose, 70},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &textOrder{
				t:    t,
				o:    &approval.Order{ID: "full"},
				text: c.text,
				now:  time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
			}
			n := 0
			for ; f.record < recordLimits().Adding*9/10; n++ {
				require.NoError(t, f.request(n), "request %d", n)
			}
			require.GreaterOrEqual(t, n, c.requests)
			for i := range n {
				f.decide(i)
			}
			t.Logf("%d approvals, %d KB", n, f.record>>10)
			require.LessOrEqual(t, f.record, recordLimits().Max)
		})
	}
}
