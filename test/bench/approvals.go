package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
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

// maxClients is the largest number of clients of a loop at the same time.
const maxClients = 256

// startLoop starts the worker on SQLite at its first call. All sections share it.
func (b *bench) startLoop(ctx context.Context) (*approvalLoop, error) {
	if b.loop != nil {
		return b.loop, nil
	}
	l, err := b.newLoop(ctx, "loop", "")
	if err == nil {
		b.loop = l
	}
	return l, err
}

// newLoop starts a worker in a folder of its own. The default of store is a SQLite file.
func (b *bench) newLoop(ctx context.Context, name, store string) (*approvalLoop, error) {
	return b.newLoopWith(ctx, name, store, name)
}

// newLoopWith starts a worker in a folder of its own, with the file of keys that it shares with others of this name.
func (b *bench) newLoopWith(ctx context.Context, name, store, keyName string) (*approvalLoop, error) {
	e, err := startEndpoint(maxClients)
	if err != nil {
		return nil, err
	}
	b.cleanups = append(b.cleanups, e.stop)
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	keyFile := filepath.Join(b.dir, keyName+".keys")
	if _, err := os.Stat(keyFile); errors.Is(err, fs.ErrNotExist) {
		if err := keys.NewRing(time.Now()).CreateFile(keyFile); err != nil {
			return nil, err
		}
	}
	w, err := b.startConfigured(ctx, workerConfig{
		dir:   dir,
		store: store,
		keys:  keyFile,
		rest:  loopConfig(e),
	})
	return &approvalLoop{worker: w, endpoint: e, count: make([]int, maxClients)}, err
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

// runRound carries out approvals with a number of concurrent clients and returns the approvals per second.
func (l *approvalLoop) runRound(ctx context.Context, clients, approvals int) (float64, error) {
	began := time.Now()
	err := runClients(clients, func(client int) error {
		for range approvals / clients {
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
	return float64(approvals/clients*clients) / time.Since(began).Seconds(), err
}

// measureRound carries out approvals, and also returns the resources that each of them has used.
func (l *approvalLoop) measureRound(ctx context.Context, clients, approvals int) (rate float64, used usage, err error) {
	before, err := l.readUsage(ctx)
	if err != nil {
		return 0, used, err
	}
	if rate, err = l.runRound(ctx, clients, approvals); err != nil {
		return 0, used, err
	}
	after, err := l.readUsage(ctx)
	return rate, after.since(before, approvals/clients*clients), err
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
	if _, err := l.runRound(ctx, clientCount, approvalRound); err != nil { // opens connections and fills caches
		return err
	}
	var whole, bare, bareCPU []float64
	var used []usage
	for round := range b.rounds {
		before, err := ownCPU()
		if err != nil {
			return err
		}
		rate, err := runBareRound(ctx, s, round)
		if err != nil {
			return err
		}
		after, err := ownCPU()
		if err != nil {
			return err
		}
		bare = append(bare, rate)
		bareCPU = append(bareCPU, (after-before).Seconds()/approvalRound)
		rate, u, err := l.measureRound(ctx, clientCount, approvalRound)
		if err != nil {
			return err
		}
		whole = append(whole, rate)
		used = append(used, u)
	}
	cpu := medianOf(used, func(u usage) float64 { return u.cpu })
	b.addRow(atLeast("whole approvals/s, HTTP in and out, 64 at once",
		fmt.Sprintf("%s, %s CPU each", formatRate(median(whole)), formatSeconds(cpu)),
		"the same 4 updates on a bare store: "+formatRate(median(bare)), ratio(whole, bare), 0.25))
	b.addTime("  CPU of the worker for each", cpu, 0.40e-3)
	b.addTime("  CPU of the 4 updates on a bare store", median(bareCPU), 130e-6)
	b.addUsed(used)
	return b.measureOneAtATime(ctx, l)
}

// addUsed adds rows about the resources that each approval of the rounds has used.
func (b *bench) addUsed(used []usage) {
	b.addRow(atMost("  allocations in the worker", "",
		formatKB(medianOf(used, func(u usage) float64 { return u.bytes }))+" allocated",
		medianOf(used, func(u usage) float64 { return u.mallocs }), 650))
	b.addRow(atMostBytes("  written to the disk", medianOf(used, func(u usage) float64 { return u.written }), 12_000))
	b.addRow(atMostBytes("  log at level info", medianOf(used, func(u usage) float64 { return u.logBytes }), 400))
	b.addRow(atMost("  lines of the log", "", "", medianOf(used, func(u usage) float64 { return u.logLines }), 1.01))
}

// measureOneAtATime measures the bytes written by approvals that commit alone.
func (b *bench) measureOneAtATime(ctx context.Context, l *approvalLoop) error {
	_, used, err := l.measureRound(ctx, 1, 300)
	if err != nil {
		return err
	}
	b.addRow(atMostBytes("written to the disk by an approval, one at a time", used.written, 60_000))
	return nil
}

func formatSeconds(s float64) string { return formatDuration(time.Duration(s * float64(time.Second))) }

// runBareRound carries out the updates of a round of approvals on a store, with 64 concurrent clients, and returns the
// approvals per second. An approval has four updates: the request, the result of the notification, the decision, and
// the result of the callback.
func runBareRound(ctx context.Context, s *sqlite.Store, round int) (float64, error) {
	began := time.Now()
	err := runClients(clientCount, func(client int) error {
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
			return addRequest(o, 1, t.Now.Add(24*time.Hour), t.Now)
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

// runClients runs a number of clients and returns the error of the last client that failed.
func runClients(clients int, f func(client int) error) error {
	failed := make(chan error, clients)
	for client := range clients {
		go func() { failed <- f(client) }()
	}
	var err error
	for range clients {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return err
}
