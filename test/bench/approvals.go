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

// approvalRound is the number of approvals in a round, both for the program and for the bare store.
const approvalRound = 1536

// approvalLoop is a worker that uses HTTP on loopback for everything: requests, decisions, notifications by a webhook,
// and callbacks.
type approvalLoop struct {
	*worker
	*endpoint
	count []int // number of approvals so far, by client
}

// startLoop starts the worker at its first call. All sections share it.
func (b *bench) startLoop(ctx context.Context) (*approvalLoop, error) {
	if b.loop != nil {
		return b.loop, nil
	}
	e, err := startEndpoint(clientCount)
	if err != nil {
		return nil, err
	}
	b.cleanups = append(b.cleanups, e.stop)
	dir := filepath.Join(b.dir, "loop")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := b.startWorker(ctx, dir, loopConfig(e))
	if err != nil {
		return nil, err
	}
	b.loop = &approvalLoop{worker: w, endpoint: e, count: make([]int, clientCount)}
	return b.loop, nil
}

func loopConfig(e *endpoint) string {
	return fmt.Sprintf(`aws: {region: us-east-1}
workflows: {orders: {approvers: [%s], notify: [hook], callback: {url_target: http}}}
channels: {hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}}
targets: {http: {http: {secrets: [%q], allow_http: true, allow_internal: true}}}
`, approver, e.url+"/hook", signingSecret, signingSecret)
}

// waitLimit is the longest wait for a notification or an answer.
const waitLimit = 20 * time.Second

// requestApproval requests an approval for a client and waits until its approver is notified.
func (l *approvalLoop) requestApproval(ctx context.Context, client int) (order string, err error) {
	l.count[client]++
	order = fmt.Sprintf("c-%d-%d", client, l.count[client])
	err = l.postAPI(ctx, "/v1/requests", fmt.Sprintf(`{"callbackUrl":"%s/called/%d?order=%s","orderId":%q,"amount":12.5}`,
		l.url, client, order, order))
	if err != nil {
		return order, err
	}
	_, err = waitForTime(ctx, l.notified[client], "notification")
	return order, err
}

// decideApproval approves an order. It returns the time when the last byte of the decision was written to the
// loopback, and the time when the answer arrived.
func (l *approvalLoop) decideApproval(ctx context.Context, client int, order string) (received, answered time.Time, err error) {
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { received = time.Now() },
	})
	err = l.postAPI(traced, "/v1/orders/"+order+"/decisions", fmt.Sprintf(`{"decision":"approve","decidedBy":%q}`, approver))
	if err == nil {
		answered, err = waitForTime(ctx, l.answered[client], "answer")
	}
	return received, answered, err
}

func waitForTime(ctx context.Context, c chan time.Time, what string) (time.Time, error) {
	select {
	case at := <-c:
		return at, nil
	case <-time.After(waitLimit):
		return time.Time{}, fmt.Errorf("no %s in %v", what, waitLimit)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// runRound carries out approvals with 64 concurrent clients and returns the approvals per second.
func (l *approvalLoop) runRound(ctx context.Context) (float64, error) {
	began := time.Now()
	err := runClients(func(client int) error {
		for range approvalRound / clientCount {
			order, err := l.requestApproval(ctx, client)
			if err != nil {
				return err
			}
			if _, _, err := l.decideApproval(ctx, client, order); err != nil {
				return err
			}
		}
		return nil
	})
	return approvalRound / time.Since(began).Seconds(), err
}

// measureApprovals compares whole approvals with the same updates on a bare store.
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
	if _, err := l.runRound(ctx); err != nil { // opens connections and fills caches
		return err
	}
	var whole, bare, cpus, mallocs, bytes []float64
	for round := range b.rounds {
		rate, err := runBareRound(ctx, s, round)
		if err != nil {
			return err
		}
		bare = append(bare, rate)
		before, err := l.readUsage(ctx)
		if err != nil {
			return err
		}
		if rate, err = l.runRound(ctx); err != nil {
			return err
		}
		after, err := l.readUsage(ctx)
		if err != nil {
			return err
		}
		whole = append(whole, rate)
		cpus = append(cpus, (after.cpu-before.cpu)/approvalRound)
		mallocs = append(mallocs, (after.mallocs-before.mallocs)/approvalRound)
		bytes = append(bytes, (after.bytes-before.bytes)/approvalRound)
	}
	b.addRow(atLeast("whole approvals/s, HTTP in and out, 64 at once",
		fmt.Sprintf("%s, %s CPU each", formatRate(median(whole)), formatSeconds(median(cpus))),
		"the same 4 updates on a bare store: "+formatRate(median(bare)), ratio(whole, bare), 0.25))
	return b.compareAllocations(median(mallocs), median(bytes))
}

func formatSeconds(s float64) string { return formatDuration(time.Duration(s * float64(time.Second))) }

// usage has the resources that the worker has used since its start.
type usage struct{ cpu, mallocs, bytes float64 }

func (l *approvalLoop) readUsage(ctx context.Context) (s usage, err error) {
	cpu, err := l.cpuTime()
	if err != nil {
		return s, err
	}
	s.cpu = cpu.Seconds()
	if s.mallocs, err = l.sumSeries(ctx, "go_memstats_mallocs_total"); err != nil {
		return s, err
	}
	s.bytes, err = l.sumSeries(ctx, "go_memstats_alloc_bytes_total")
	return s, err
}

// runBareRound carries out the updates of a round of approvals on a store, with 64 concurrent clients, and returns the
// approvals per second. An approval has four updates: the request, the result of the notification, the decision, and
// the result of the callback.
func runBareRound(ctx context.Context, s *sqlite.Store, round int) (float64, error) {
	began := time.Now()
	err := runClients(func(client int) error {
		for n := range approvalRound / clientCount {
			if err := runBareApproval(ctx, s, orderID((round*clientCount+client)*approvalRound+n)); err != nil {
				return err
			}
		}
		return nil
	})
	return approvalRound / time.Since(began).Seconds(), err
}

func runBareApproval(ctx context.Context, s *sqlite.Store, order string) error {
	act := approval.Action{OrderID: order, Attempt: 1}
	for _, transition := range []func(o *approval.Order, t approval.Environment) error{
		func(o *approval.Order, t approval.Environment) error {
			return addRequest(o, 1, t.Now.Add(24*time.Hour))
		},
		func(o *approval.Order, t approval.Environment) error {
			act.ApprovalID = o.Approvals[0].ID
			act.Notification = o.Approvals[0].Notifications[0].ID
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

// runClients runs 64 clients and returns the error of the last client that failed.
func runClients(f func(client int) error) error {
	failed := make(chan error, clientCount)
	for client := range clientCount {
		go func() { failed <- f(client) }()
	}
	var err error
	for range clientCount {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return err
}
