package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// scenario is one approval, from its request to its answer.
type scenario struct {
	order    string
	token    string
	old      string    // the token of its state's first try, if there was one: its request may come after the second's
	ends     time.Time // the task's own timeout
	http     bool      // the request comes over HTTP, else from SQS
	via      string    // how the decision comes: topic, webhook or api
	outcome  string    // approve or reject
	first    bool      // the decision comes before the request
	conflict bool      // another decision contradicts it, by another way, at the same time
	alone    bool      // nobody decides in time: its deadline passes, then a decision comes
}

// shortTask is how long the task of an approval waits that nobody decides, and
// shortDeadline when that approval times out: between the two there must be room
// for an outage of the target and for restarts.
const (
	shortTask     = 45 * time.Second
	shortDeadline = 11 * time.Second
)

// plan makes n scenarios: 10 % of decisions come first, 5 % contradict each
// other, 3 % come after the deadline. 3 % are of states that were tried again.
func plan(n int, sf *emulator.StepFunctions) []*scenario {
	vias := []string{"topic", "webhook", "api"}
	all := make([]*scenario, 0, n)
	for i := range n {
		s := &scenario{
			order: fmt.Sprintf("L-%d", i), http: i%4 == 0, via: vias[i%3], outcome: "approve", first: i%10 == 1, conflict: i%20 == 2, alone: i%33 == 3,
		}
		if i%5 == 4 {
			s.outcome = "reject"
		}
		task := 20 * time.Minute
		if s.alone {
			s.first, s.conflict, task = false, false, shortTask
		}
		if i%25 == 7 && !s.alone && !s.conflict {
			s.http, s.old = false, sf.OpenTask(task, 0)
		}
		s.ends = time.Now().Add(task)
		s.token = sf.OpenTask(task, 0)
		all = append(all, s)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// renew gives a scenario that is about to begin a fresh task: it has waited for
// its turn.
func (s *scenario) renew(w *world) {
	if s.alone {
		s.ends = time.Now().Add(shortTask)
		s.token = w.aws.StepFunctions.OpenTask(shortTask, 0)
	}
}

func (s *scenario) request(ctx context.Context, w *world) error {
	if s.old != "" {
		body, err := s.ask(s.old, time.Now().Add(-time.Second))
		if err != nil {
			return err
		}
		w.aws.SQS.PutMessage("orders", body, nil)
	}
	body, err := s.ask(s.token, time.Now())
	if err != nil {
		return err
	}
	if !s.http {
		w.aws.SQS.PutMessage("orders", body, nil)
		return nil
	}
	status, text, err := w.call(ctx, "POST", "http://"+w.operator+"/v1/requests", apiToken, body)
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("request: %d %s %w", status, text, err)
	}
	return nil
}

// ask is the request of one try of the state, which was entered then.
func (s *scenario) ask(token string, entered time.Time) (string, error) {
	m := map[string]any{"orderId": s.order, "taskToken": token, "amount": 7, "canary": "shown to approvers"}
	if s.alone {
		m["timeoutSeconds"] = shortTask.Seconds()
		m["approvalDeadline"] = entered.Add(shortDeadline).UTC().Format(time.RFC3339Nano)
	}
	if s.old != "" {
		m["enteredTime"] = entered.UTC().Format(time.RFC3339Nano)
	}
	body, err := json.Marshal(m)
	return string(body), err
}

// bothTried waits until both tries have come, in whatever order: a decision that
// names none of them is about the one that waits.
func (s *scenario) bothTried(w *world) error {
	if !until(cmp.Or(w.settings.patience, 90*time.Second), func() bool {
		o, err := w.recordNow(s)
		return err == nil && len(o.Approvals) == s.tries()
	}) {
		return errors.New("its state's two tries are not recorded")
	}
	return nil
}

// tries is how many approvals the order has.
func (s *scenario) tries() int {
	if s.old != "" {
		return 2
	}
	return 1
}

// decide sends a decision; the answer of those that give one must be among want.
func (s *scenario) decide(ctx context.Context, w *world, via, outcome string, want ...int) error {
	body := fmt.Sprintf(`{"orderId":%q,"decision":%q,"decidedBy":"ann","comment":"seen","decisionId":%q}`, s.order, outcome, s.order+"-"+via+"-"+outcome)
	var status int
	var text string
	var err error
	switch via {
	case "topic":
		w.aws.SQS.PutMessage("decisions", body, nil)
		return nil
	case "webhook":
		status, text, err = w.call(ctx, "POST", "http://"+w.public+"/webhooks/erp", hookToken, body)
	default:
		status, text, err = w.call(ctx, "POST", "http://"+w.operator+"/v1/orders/"+s.order+"/decisions", apiToken, body)
	}
	if err != nil || !slices.Contains(want, status) {
		return fmt.Errorf("decision by %s: %d, want %v: %s %w", via, status, want, text, err)
	}
	return nil
}

func other(outcome string) string {
	if outcome == "approve" {
		return "reject"
	}
	return "approve"
}

// run plays the scenario. Nothing waits for what the program has done with the
// step before, but the deadline.
func (s *scenario) run(ctx context.Context, w *world) error {
	s.renew(w)
	steps := []func() error{
		func() error { return s.request(ctx, w) },
		func() error { return s.decide(ctx, w, s.via, s.outcome, 200, 202, 409) },
	}
	if s.alone {
		steps[1] = func() error { return s.afterDeadline(ctx, w) }
	}
	if s.first {
		slices.Reverse(steps)
	}
	if s.old != "" {
		steps = slices.Insert(steps, 1, func() error { return s.bothTried(w) })
	}
	if s.conflict {
		against := map[string]string{"topic": "api", "webhook": "topic", "api": "webhook"}[s.via]
		steps = append(steps, func() error { return s.decide(ctx, w, against, other(s.outcome), 200, 202, 409) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("order %s: %w", s.order, err)
		}
	}
	return nil
}

// afterDeadline waits for the answer that the deadline brings, and decides then:
// too late.
func (s *scenario) afterDeadline(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, 2*shortTask)
	defer cancel()
	if _, err := w.aws.StepFunctions.WaitForTask(ctx, s.token); err != nil {
		return fmt.Errorf("its task does not end: %w", err)
	}
	return s.decide(ctx, w, s.via, s.outcome, 409)
}

// play plays the scenarios, their beginnings spread over some time.
func (w *world) play(ctx context.Context, all []*scenario, over time.Duration) error {
	var group errgroup.Group
	began := time.Now()
	for i, s := range all {
		group.Go(func() error {
			pause(ctx, time.Until(began.Add(over*time.Duration(i)/time.Duration(len(all)))))
			return s.run(ctx, w)
		})
	}
	return group.Wait()
}
