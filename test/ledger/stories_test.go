package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// storyWorkflow is the workflow of the stories. It sends a heartbeat at each storyInterval, and its tasks die without a
// heartbeat for storyHeartbeat, which is longer than every outage and restart of a run.
const (
	storyWorkflow  = "lines"
	storyInterval  = 3 * time.Second
	storyHeartbeat = 25 * time.Second
)

// story is an order about which executions ask several questions, or ask a question again.
type story struct {
	storyKind
	order    string
	overHTTP bool   // the requests are sent over HTTP, otherwise through SQS
	way      string // way in of the decisions: topic, webhook or api

	mu         sync.Mutex
	executions []*emulator.Execution
	failed     error // of a request over HTTP
}

// storyKind describes the executions of an order.
type storyKind struct {
	name       string
	executions int
	tasks      []emulator.TaskDefinition // of each execution
	steps      bool                      // requests name the branch as their step
	// askAgain makes the state of an execution ask again before it is decided; nil means that it asks once.
	askAgain func(s *story, ctx context.Context, w *world, e *emulator.Execution) error
	// decide decides a question.
	decide func(s *story, ctx context.Context, w *world, q question) error
}

// question is what a branch of an execution asks. Its latest attempt waits for the answer.
type question struct {
	execution *emulator.Execution
	branch    int
	outcome   string
}

// storyKinds lists what workflows do beside a single state that asks once.
func storyKinds() []storyKind {
	ask := emulator.TaskDefinition{Name: "Ask", Timeout: 20 * time.Minute, Heartbeat: storyHeartbeat}
	after := func(name string, pause time.Duration) []emulator.TaskDefinition {
		d := ask
		d.Retries = 1
		d.RetryInterval = pause
		d.RetryOn = []string{name}
		return []emulator.TaskDefinition{d}
	}
	left, right := ask, ask
	left.Name, right.Name = "Left", "Right"
	one := []emulator.TaskDefinition{ask}
	return []storyKind{
		{name: "Map", executions: 1, tasks: emulator.MapOf(3, ask), decide: (*story).decideByLink},
		{name: "Map with steps", executions: 1, tasks: emulator.MapOf(3, ask), steps: true, decide: (*story).decideByStep},
		{name: "Parallel", executions: 1, tasks: []emulator.TaskDefinition{left, right}, decide: (*story).decideByApproval},
		{name: "two executions", executions: 2, tasks: one, decide: (*story).decideByExecution},
		{name: "Retry", executions: 1, tasks: after(emulator.ErrorTimeout, 0), askAgain: (*story).expire, decide: (*story).decideByOrder},
		{name: "second round", executions: 1, tasks: after("States.TaskFailed", time.Second), askAgain: (*story).reject, decide: (*story).decideByOrder},
		{name: "redrive", executions: 1, tasks: one, askAgain: (*story).redrive, decide: (*story).decideByLink},
		{name: "redriven Map", executions: 1, tasks: emulator.MapOf(2, ask), askAgain: (*story).redrive, decide: (*story).decideByApproval},
	}
}

// addStories adds n stories to the run, of every kind in turn.
func (w *world) addStories(n int) {
	kinds := storyKinds()
	ways := []string{"topic", "webhook", "api"}
	for i := range n {
		w.stories = append(w.stories, &story{
			storyKind: kinds[i%len(kinds)],
			order:     fmt.Sprintf("S-%d", i),
			overHTTP:  i/len(kinds)%3 == 2,
			way:       ways[(i+2*(i/len(kinds)))%3], // another one in each round of the kinds
		})
	}
}

// runStory starts the executions and decides their questions.
func (s *story) runStory(ctx context.Context, w *world) error {
	if err := s.start(ctx, w); err != nil {
		return err
	}
	for i, e := range s.executions {
		if s.askAgain != nil {
			if err := s.askAgain(s, ctx, w, e); err != nil {
				return fmt.Errorf("order %s, %s: ask again: %w", s.order, s.name, err)
			}
		}
		for branch := range s.tasks {
			q := question{execution: e, branch: branch, outcome: "approve"}
			if i == 1 { // the second of two executions
				q.outcome = "reject"
			}
			if err := s.decide(s, ctx, w, q); err != nil {
				return fmt.Errorf("order %s, %s: decide %s: %w", s.order, s.name, s.label(q.latest()), err)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// start starts the executions of the story and waits for their first attempts. Their requests arrive in any order.
func (s *story) start(ctx context.Context, w *world) error {
	send := func(a emulator.Attempt) {
		if err := s.sendRequest(ctx, w, a); err != nil {
			s.mu.Lock()
			s.failed = err
			s.mu.Unlock()
		}
	}
	for range s.storyKind.executions {
		e := w.aws.StepFunctions.StartExecution(ctx, "orders", send, s.tasks...)
		s.mu.Lock()
		s.executions = append(s.executions, e)
		s.mu.Unlock()
		if err := s.waitForAttempts(w, e, len(s.tasks)); err != nil {
			return err
		}
	}
	return nil
}

// label returns a text that is different for each attempt. It is the title of the attempt's request and the comment of
// the decision about it, so that the answer to each token shows for which attempt the decision was.
func (s *story) label(a emulator.Attempt) string {
	run := a.Execution[strings.LastIndexByte(a.Execution, ':')+1:]
	return fmt.Sprintf("%s %s %s %d redrive %d retry %d", s.order, run, a.State, a.Branch, a.RedriveCount, a.RetryCount)
}

func (s *story) sendRequest(ctx context.Context, w *world, a emulator.Attempt) error {
	m := map[string]any{
		"orderId":        s.order,
		"taskToken":      a.Token,
		"title":          s.label(a),
		"executionArn":   a.Execution,
		"stateName":      a.State,
		"enteredTime":    a.EnteredAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		"retryCount":     a.RetryCount,
		"redriveCount":   a.RedriveCount,
		"timeoutSeconds": int((20 * time.Minute).Seconds()),
	}
	if s.steps {
		m["step"] = fmt.Sprintf("line %d", a.Branch)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if !s.overHTTP {
		w.aws.SQS.PutMessage(storyWorkflow, string(body), nil)
		return nil
	}
	status, text, err := w.callUntilAnswered(ctx, "POST", w.requestURL(storyWorkflow), askToken, string(body))
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("request of order %s: %d %s %w", s.order, status, text, err)
	}
	return nil
}

// latest returns the latest attempt of the question.
func (q question) latest() emulator.Attempt {
	for _, a := range slices.Backward(q.execution.Attempts()) {
		if a.Branch == q.branch {
			return a
		}
	}
	return emulator.Attempt{}
}

// expire lets the first attempt of a state time out, at once or later. The two requests may then arrive in any order.
func (s *story) expire(ctx context.Context, w *world, e *emulator.Execution) error {
	if rand.IntN(2) == 0 {
		pauseFor(ctx, rand.N(1500*time.Millisecond))
	}
	w.aws.StepFunctions.ExpireTask(question{execution: e}.latest().Token)
	return s.waitForAttempts(w, e, 2)
}

// reject decides the first attempt, so that its state fails and is retried. Over the topic, the decision about the second
// attempt is sent before that attempt begins. Its time of sending shows that it is not about the first.
func (s *story) reject(ctx context.Context, w *world, e *emulator.Execution) error {
	q := question{execution: e, outcome: "reject"}
	if err := s.decideByApproval(ctx, w, q); err != nil {
		return err
	}
	if s.way == "topic" {
		first := q.latest()
		ctx, cancel := context.WithTimeout(ctx, w.patience())
		defer cancel()
		if _, err := w.aws.StepFunctions.WaitForTask(ctx, first.Token); err != nil {
			return err
		}
		pauseFor(ctx, 50*time.Millisecond) // the time of a message is in whole milliseconds
		first.RetryCount++
		if err := s.send(ctx, w, first, "approve", nil); err != nil {
			return err
		}
	}
	return s.waitForAttempts(w, e, 2)
}

// redrive stops the execution and redrives it.
func (s *story) redrive(ctx context.Context, w *world, e *emulator.Execution) error {
	pauseFor(ctx, rand.N(1500*time.Millisecond))
	e.Stop()
	pauseFor(ctx, rand.N(500*time.Millisecond))
	if err := e.Redrive(ctx); err != nil {
		return err
	}
	return s.waitForAttempts(w, e, 2*len(s.tasks))
}

func (s *story) waitForAttempts(w *world, e *emulator.Execution, n int) error {
	if !waitUntil(w.patience(), func() bool { return len(e.Attempts()) >= n }) {
		return errors.New("its states are not attempted")
	}
	return nil
}
