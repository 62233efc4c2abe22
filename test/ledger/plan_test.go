package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// scenario is an approval from its request to its answer.
type scenario struct {
	order    string
	token    string
	workflow string    // which is also the name of its queue; empty means orders
	taskEnds time.Time // time at which the task times out
	overHTTP bool      // the request is sent over HTTP, otherwise through SQS
	way      string    // way in of the decision: topic, webhook or api
	outcome  string    // approve or reject
	early    bool      // the decision is sent before the request
	conflict bool      // a contradicting decision is sent at the same time by another way
	timesOut bool      // the deadline passes, and a decision follows
}

// shortTask is the timeout of a task whose approval times out, and shortDeadline is the time until the deadline of that
// approval. The time between the two must suffice for an outage of the target and for restarts.
const (
	shortTask     = 45 * time.Second
	shortDeadline = 11 * time.Second
)

// planScenarios returns n scenarios. Of the decisions 10 % precede their request, 5 % contradict each other, and 3 %
// follow the deadline.
func planScenarios(n int, sf *emulator.StepFunctions) []*scenario {
	ways := []string{"topic", "webhook", "api"}
	all := make([]*scenario, 0, n)
	for i := range n {
		s := &scenario{
			order:    fmt.Sprintf("L-%d", i),
			overHTTP: i%4 == 0,
			way:      ways[i%3],
			outcome:  "approve",
			early:    i%10 == 1,
			conflict: i%20 == 2,
			timesOut: i%33 == 3,
		}
		if i%5 == 4 {
			s.outcome = "reject"
		}
		task := 20 * time.Minute
		if s.timesOut {
			s.early = false
			s.conflict = false
			task = shortTask
		}
		s.taskEnds = time.Now().Add(task)
		s.token = sf.OpenTask(task, 0)
		all = append(all, s)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// renewTask gives a scenario with a short task a new task when it begins, because the old task may have ended.
func (s *scenario) renewTask(w *world) {
	if s.timesOut {
		s.taskEnds = time.Now().Add(shortTask)
		s.token = w.aws.StepFunctions.OpenTask(shortTask, 0)
	}
}

func (s *scenario) sendRequest(ctx context.Context, w *world) error {
	body, err := s.requestBody()
	if err != nil {
		return err
	}
	if !s.overHTTP {
		w.aws.SQS.PutMessage(cmp.Or(s.workflow, "orders"), body, nil)
		return nil
	}
	status, text, err := w.callUntilAnswered(ctx, "POST", w.requestURL("orders"), askToken, body)
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("request: %d %s %w", status, text, err)
	}
	return nil
}

func (s *scenario) requestBody() (string, error) {
	m := map[string]any{
		"orderId":   s.order,
		"taskToken": s.token,
		"amount":    7,
		"canary":    "shown to approvers",
	}
	if s.timesOut {
		m["enteredTime"] = s.taskEnds.Add(-shortTask).UTC().Format(time.RFC3339Nano)
		m["retryCount"] = 0
		m["timeoutSeconds"] = shortTask.Seconds()
		m["approvalDeadline"] = time.Now().Add(shortDeadline).UTC().Format(time.RFC3339Nano)
	}
	body, err := json.Marshal(m)
	return string(body), err
}

// sendDecision sends a decision. If the way in gives an answer, its status must be in want.
func (s *scenario) sendDecision(ctx context.Context, w *world, via, outcome string, want ...int) error {
	body := fmt.Sprintf(`{"orderId":%q,"decision":%q,"decidedBy":"ann","comment":"seen","decisionId":%q}`,
		s.order, outcome, s.order+"-"+via+"-"+outcome)
	return w.sendDecision(ctx, via, s.order, body, want...)
}

// sendDecision sends the body of a decision. If the way in gives an answer, its status must be in want.
func (w *world) sendDecision(ctx context.Context, via, order, body string, want ...int) error {
	var status int
	var text string
	var err error
	switch via {
	case "topic":
		w.aws.SQS.PutMessage("decisions", body, nil)
		return nil
	case "webhook":
		status, text, err = w.callUntilAnswered(ctx, "POST", "http://"+w.public+"/webhooks/erp", hookToken, body)
	default:
		status, text, err = w.callUntilAnswered(ctx, "POST", "http://"+w.operator+"/v1/orders/"+order+"/decisions", apiToken, body)
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

// runScenario carries out the scenario. Its steps do not wait until the program has handled the step before, except for
// the deadline.
func (s *scenario) runScenario(ctx context.Context, w *world) error {
	s.renewTask(w)
	steps := []func() error{
		func() error { return s.sendRequest(ctx, w) },
		func() error { return s.sendDecision(ctx, w, s.way, s.outcome, 200, 202, 409) },
	}
	if s.timesOut {
		steps[1] = func() error { return s.decideAfterDeadline(ctx, w) }
	}
	if s.early {
		slices.Reverse(steps)
	}
	if s.conflict {
		against := map[string]string{"topic": "api", "webhook": "topic", "api": "webhook"}[s.way]
		steps = append(steps, func() error { return s.sendDecision(ctx, w, against, other(s.outcome), 200, 202, 409) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("order %s: %w", s.order, err)
		}
	}
	return nil
}

// decideAfterDeadline waits for the answer that follows the deadline, and then sends a decision, which must be refused.
func (s *scenario) decideAfterDeadline(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, 2*shortTask)
	defer cancel()
	if _, err := w.aws.StepFunctions.WaitForTask(ctx, s.token); err != nil {
		return fmt.Errorf("its task does not end: %w", err)
	}
	return s.sendDecision(ctx, w, s.way, s.outcome, 409)
}

// maxUnderWay bounds the scenarios whose tasks wait for their answers at the same time. A slow machine has a longer run then,
// and the answers are in time all the same.
const maxUnderWay = 256

// runScenarios runs the scenarios and the world's stories. Their beginnings are spread over a time.
func (w *world) runScenarios(ctx context.Context, all []*scenario, over time.Duration) error {
	var group errgroup.Group
	began := time.Now()
	slots := make(chan struct{}, maxUnderWay)
	for i, s := range all {
		group.Go(func() error {
			pauseFor(ctx, time.Until(began.Add(over*time.Duration(i)/time.Duration(len(all)))))
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			err := s.runScenario(ctx, w)
			go func() {
				w.waitForTask(ctx, s.token)
				<-slots
			}()
			return err
		})
	}
	for i, s := range w.stories {
		group.Go(func() error {
			pauseFor(ctx, time.Until(began.Add(over*time.Duration(i)/time.Duration(len(w.stories)))))
			return s.runStory(ctx, w)
		})
	}
	return group.Wait()
}

// waitForTask waits for the end of a task, but not without end: a task that is lost is found later.
func (w *world) waitForTask(ctx context.Context, token string) {
	ctx, cancel := context.WithTimeout(ctx, w.patience())
	defer cancel()
	_, _ = w.aws.StepFunctions.WaitForTask(ctx, token)
}
