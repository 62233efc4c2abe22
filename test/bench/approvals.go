package main

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/sqlite"
)

// approvalRound is how many approvals one round has, of the program and of the
// bare store.
const approvalRound = 1536

// loop is a worker whose requests and decisions come over HTTP, whose approvers
// are told by a webhook and whose answers are posted to a URL, all on loopback.
type loop struct {
	*worker
	*endpoint
	n []int // approvals so far, by client
}

// startLoop starts the worker, once for all sections that want it.
func (b *bench) startLoop(ctx context.Context) (*loop, error) {
	if b.loop != nil {
		return b.loop, nil
	}
	e, err := startEndpoint(atOnce)
	if err != nil {
		return nil, err
	}
	b.ends = append(b.ends, e.stop)
	dir := filepath.Join(b.dir, "loop")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := b.startWorker(ctx, dir, loopConfig(e))
	if err != nil {
		return nil, err
	}
	b.loop = &loop{worker: w, endpoint: e, n: make([]int, atOnce)}
	return b.loop, nil
}

func loopConfig(e *endpoint) string {
	return fmt.Sprintf(`aws: {region: us-east-1}
workflows: {orders: {approvers: [%s], notify: [hook], callback: {url_target: http}}}
channels: {hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}}
targets: {http: {http: {secrets: [%q], allow_http: true, allow_internal: true}}}
`, approver, e.url+"/hook", signingSecret, signingSecret)
}

// patience bounds the wait for one notification or one answer.
const patience = 20 * time.Second

// ask requests an approval for a client and waits until its approver was told.
func (l *loop) ask(ctx context.Context, client int) (order string, err error) {
	l.n[client]++
	order = fmt.Sprintf("c-%d-%d", client, l.n[client])
	err = l.post(ctx, "/v1/requests", fmt.Sprintf(`{"callbackUrl":"%s/called/%d?order=%s","orderId":%q,"amount":12.5}`, l.url, client, order, order))
	if err != nil {
		return order, err
	}
	_, err = came(ctx, l.hooked[client], "notification")
	return order, err
}

// decide approves an order and returns when its decision was received, which is
// when its last byte was written to the loopback, and when its answer came.
func (l *loop) decide(ctx context.Context, client int, order string) (received, answered time.Time, err error) {
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { received = time.Now() }})
	err = l.post(traced, "/v1/orders/"+order+"/decisions", fmt.Sprintf(`{"decision":"approve","decidedBy":%q}`, approver))
	if err == nil {
		answered, err = came(ctx, l.called[client], "answer")
	}
	return received, answered, err
}

func came(ctx context.Context, c chan time.Time, what string) (time.Time, error) {
	select {
	case at := <-c:
		return at, nil
	case <-time.After(patience):
		return time.Time{}, fmt.Errorf("no %s in %v", what, patience)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// round makes approvals, 64 clients at once, and returns how many a second.
func (l *loop) round(ctx context.Context) (float64, error) {
	began := time.Now()
	err := clients(func(client int) error {
		for range approvalRound / atOnce {
			order, err := l.ask(ctx, client)
			if err != nil {
				return err
			}
			if _, _, err := l.decide(ctx, client, order); err != nil {
				return err
			}
		}
		return nil
	})
	return approvalRound / time.Since(began).Seconds(), err
}

// measureApprovals compares whole approvals with the updates that they make, on
// a bare store.
func (b *bench) measureApprovals(ctx context.Context) error {
	l, err := b.startLoop(ctx)
	if err != nil {
		return err
	}
	s, _, err := b.openStore(ctx, "bare")
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := l.round(ctx); err != nil { // connections, caches
		return err
	}
	var whole, bare, cpus, mallocs, bytes []float64
	for round := range b.rounds {
		rate, err := bareRound(ctx, s, round)
		if err != nil {
			return err
		}
		bare = append(bare, rate)
		before, err := l.spent(ctx)
		if err != nil {
			return err
		}
		if rate, err = l.round(ctx); err != nil {
			return err
		}
		after, err := l.spent(ctx)
		if err != nil {
			return err
		}
		whole = append(whole, rate)
		cpus = append(cpus, (after.cpu-before.cpu)/approvalRound)
		mallocs = append(mallocs, (after.mallocs-before.mallocs)/approvalRound)
		bytes = append(bytes, (after.bytes-before.bytes)/approvalRound)
	}
	b.add(atLeast("whole approvals/s, HTTP in and out, 64 at once", fmt.Sprintf("%s, %s CPU each", perSecond(median(whole)), seconds(median(cpus))),
		"the same 4 updates on a bare store: "+perSecond(median(bare)), ratio(whole, bare), 0.25))
	return b.compareAllocations(median(mallocs), median(bytes))
}

func seconds(s float64) string { return took(time.Duration(s * float64(time.Second))) }

// spent is what the worker has used since its start.
type spent struct{ cpu, mallocs, bytes float64 }

func (l *loop) spent(ctx context.Context) (s spent, err error) {
	cpu, err := l.cpu()
	if err != nil {
		return s, err
	}
	s.cpu = cpu.Seconds()
	if s.mallocs, err = l.series(ctx, "go_memstats_mallocs_total"); err != nil {
		return s, err
	}
	s.bytes, err = l.series(ctx, "go_memstats_alloc_bytes_total")
	return s, err
}

// bareRound makes the updates of as many approvals on a store, 64 clients at
// once, and returns how many approvals a second that would be: the request, the
// notification's end, the decision, the callback's end.
func bareRound(ctx context.Context, s *sqlite.Store, round int) (float64, error) {
	began := time.Now()
	err := clients(func(client int) error {
		for n := range approvalRound / atOnce {
			if err := bareApproval(ctx, s, orderID((round*atOnce+client)*approvalRound+n)); err != nil {
				return err
			}
		}
		return nil
	})
	return approvalRound / time.Since(began).Seconds(), err
}

func bareApproval(ctx context.Context, s *sqlite.Store, order string) error {
	act := approval.Action{OrderID: order, Attempt: 1}
	for _, transition := range []func(o *approval.Order, t approval.Environment) error{
		func(o *approval.Order, t approval.Environment) error {
			return request(o, 1, t.Now.Add(24*time.Hour))
		},
		func(o *approval.Order, t approval.Environment) error {
			act.ApprovalID, act.Notification = o.Approvals[0].ID, o.Approvals[0].Notifications[0].ID
			o.RecordNotificationResult(act, approval.Result{Kind: approval.ResultOK}, t)
			return nil
		},
		func(o *approval.Order, t approval.Environment) error {
			v, _, err := o.Decide(approval.Decision{
				ID:         "d-" + order,
				Outcome:    approval.Approve,
				By:         approver,
				Via:        approval.ViaAPI,
				Source:     "api",
				ReceivedAt: t.Now,
			}, approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}, t)
			if err == nil {
				err = v.Err()
			}
			return err
		},
		func(o *approval.Order, t approval.Environment) error {
			o.RecordCallbackResult(act, approval.Result{Kind: approval.ResultOK}, t)
			if o.Approvals[0].Callback.State != approval.CallbackDelivered {
				return fmt.Errorf("order %s is %s", order, o.Approvals[0].Callback.State)
			}
			return nil
		},
	} {
		err := s.Update(ctx, order, func(o *approval.Order) error {
			return transition(o, approval.Environment{Now: time.Now(), Lease: lease})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// clients runs 64 clients and returns the error of one of them.
func clients(f func(client int) error) error {
	failed := make(chan error, atOnce)
	for client := range atOnce {
		go func() { failed <- f(client) }()
	}
	var err error
	for range atOnce {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return err
}
