package storetest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// SmallLimits returns limits that a test reaches soon.
func SmallLimits() store.RecordLimits {
	return store.RecordLimits{
		Max:             60 << 10,
		Adding:          44 << 10,
		PerApproval:     3 << 10,
		PerNotification: 400,
	}
}

// RunFull fills orders to the brim, on a store with SmallLimits: with requests, votes, comments, decisions that wait,
// refused decisions and the errors of notifications. What does not fit must be refused as temporary. Then every order
// must send its heartbeats, end by its deadlines, and answer all its workflows.
func RunFull(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for name, change := range map[string]func(*approval.Request){
		"small requests": func(*approval.Request) {},
		"large requests": func(r *approval.Request) {
			for i := range 5 {
				r.Details = append(r.Details, approval.Field{Name: fmt.Sprint("d", i), Value: noise(i, 2000)})
			}
		},
		"many approvers": func(r *approval.Request) {
			r.Policy = approval.Policy{Kind: approval.PolicyAll}
			r.Approvers = people("p", 25)
			r.Channels = []string{"mail"}
		},
		"reminders and escalations": func(r *approval.Request) {
			r.Approvers = people("p", 3)
			r.Channels = []string{"mail", "chat"}
			r.ProgramChannels = []string{"bus"}
			r.Reminders = []time.Time{at(20 * time.Minute), at(30 * time.Minute)}
			r.Escalations = []approval.Escalation{{At: at(25 * time.Minute), Approvers: people("boss", 2)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fullOrder{
				t:            t,
				store:        open(t),
				now:          at(0),
				targetIsDown: true,
				random:       rand.New(rand.NewPCG(1, 2)), //nolint:gosec // repeatable
			}
			f.fill(change)
			for m := range 10 { // until 50 minutes after the requests
				f.now = at(time.Duration(m) * 5 * time.Minute)
				f.advance()
			}
			f.vote()
			f.targetIsDown = false
			for m := range 60 { // from the deadlines on
				f.now = at(time.Hour + time.Duration(m)*time.Minute)
				f.advance()
			}
			o := mustGet(t, f.store, fullOrderID)
			require.NotEmpty(t, o.Approvals)
			for _, a := range o.Approvals {
				require.NotEqual(t, approval.Pending, a.Status, a.ID)
				require.Equal(t, approval.CallbackDelivered, a.Callback.State, a.ID)
			}
			require.Positive(t, f.heartbeats)
		})
	}
}

const fullOrderID = "full"

// fullOrder is an order that is filled to the brim.
type fullOrder struct {
	t          *testing.T
	store      store.Store
	now        time.Time
	serial     int // of tokens, decisions and errors
	approvals  []string
	heartbeats int
	random     *rand.Rand
	refusal    error // the last one
	// targetIsDown lets all callbacks fail, so that no approval that was decided is finished.
	targetIsDown bool
	actions      []approval.Action // that are to be carried out
}

// noise returns a text that does not become much shorter by compression.
func noise(seed, n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(b)
	return base64.StdEncoding.EncodeToString(b)[:n]
}

func people(prefix string, n int) []approval.Approver {
	var out []approval.Approver
	for i := range n {
		out = append(out, approval.Approver{ID: fmt.Sprintf("%s%d@example.com", prefix, i), Nonce: noise(i, 16)})
	}
	return out
}

func (f *fullOrder) noise(n int) string {
	f.serial++
	return noise(f.serial, n)
}

// update runs a transition that may be refused for now, and reports whether it was stored.
func (f *fullOrder) update(transition func(*approval.Order, approval.Environment) ([]approval.Action, error)) bool {
	f.t.Helper()
	var actions []approval.Action
	err := f.store.Update(f.t.Context(), fullOrderID, func(o *approval.Order) (err error) {
		actions, err = transition(o, approval.Environment{Now: f.now, Lease: 10 * time.Second, Jitter: 0.5})
		return err
	})
	if _, isFull := errors.AsType[*approval.OrderFullError](err); isFull {
		require.False(f.t, approval.IsPermanent(err))
		f.refusal = err
		return false
	}
	require.NoError(f.t, err)
	f.actions = append(f.actions, actions...)
	return true
}

// fill adds requests, votes and decisions that wait, until the order refuses each of them.
func (f *fullOrder) fill(change func(*approval.Request)) {
	f.t.Helper()
	for i := range approval.MaxApprovals {
		r := newRequest(f.noise(700), time.Hour, atStep(fmt.Sprint("s", i)), change)
		r.HeartbeatInterval = 4 * time.Minute
		r.Retention = 24 * time.Hour
		r.CallbackRetry.MaxAge = 24 * time.Hour
		id := ""
		if !f.update(func(o *approval.Order, env approval.Environment) (actions []approval.Action, err error) {
			id, actions, err = o.AddRequest(r, env)
			return actions, err
		}) {
			break
		}
		require.Less(f.t, i, approval.MaxApprovals-1, "the order is never full")
		f.approvals = append(f.approvals, id)
	}
	f.carryOut()
	f.vote()
	for _, size := range []int{4096, 10} {
		f.decide(approval.Decision{Step: "later", By: "p0@example.com", Comment: f.noise(size)})
	}
}

// vote lets everybody vote for every approval but the first, with comments of all sizes.
func (f *fullOrder) vote() {
	f.t.Helper()
	for _, size := range []int{4096, 500, 0} {
		for _, id := range f.approvals[1:] {
			for person := range 3 {
				f.decide(approval.Decision{
					ApprovalID: id,
					By:         fmt.Sprintf("p%d@example.com", person+f.serial%20),
					Comment:    f.noise(size),
				})
			}
		}
	}
	f.carryOut()
}

func (f *fullOrder) decide(d approval.Decision) {
	f.t.Helper()
	f.serial++
	d.ID = fmt.Sprint("decision ", f.serial)
	d.Outcome = approval.Approve
	d.Via = approval.ViaLink
	d.Source = "link"
	f.update(func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		_, actions, err := o.Decide(d, approval.UnmatchedRetention{WaitFor: time.Hour}, env)
		return actions, err
	})
}

// advance lets the time do its work. Nothing of that may be refused.
func (f *fullOrder) advance() {
	f.t.Helper()
	require.True(f.t, f.update(func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		return o.Advance(env), nil
	}), "time passes, although the order is full")
	f.carryOut()
}

// carryOut records the results of the actions: a third of the attempts fails, with a long text. None may be refused.
func (f *fullOrder) carryOut() {
	f.t.Helper()
	for rounds := 0; len(f.actions) > 0; rounds++ {
		require.Less(f.t, rounds, 100)
		actions := f.actions
		f.actions = nil
		for _, action := range actions {
			result := approval.Result{Kind: approval.ResultOK, Receipt: "receipt"}
			if f.random.IntN(3) == 0 || f.targetIsDown && action.Kind == approval.ActionCallback {
				result = approval.Result{Kind: approval.ResultFailed, Reason: f.noise(500), ReasonCode: "http_503"}
			}
			require.True(f.t, f.update(func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
				switch action.Kind {
				case approval.ActionCallback:
					return o.RecordCallbackResult(action, result, env), nil
				case approval.ActionHeartbeat:
					f.heartbeats++
					return o.RecordHeartbeatResult(action, result, env), nil
				case approval.ActionNotify:
					return o.RecordNotificationResult(action, result, env), nil
				}
				return nil, nil
			}), "the result of %s is recorded, although the order is full: %v", action.Kind, f.refusal)
		}
	}
}
