package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// TaskDefinition is the definition of a state that waits for its task token.
type TaskDefinition struct {
	Name string
	// Timeout and Heartbeat are the limits of each attempt; 0 switches a limit off.
	Timeout   time.Duration
	Heartbeat time.Duration
	// Retries is the MaxAttempts of the state's Retry, RetryInterval its pause, and RetryOn its ErrorEquals.
	Retries       int
	RetryInterval time.Duration
	RetryOn       []string
}

// MapOf returns the states of a Map over n items: the same definition for each item.
func MapOf(n int, d TaskDefinition) []TaskDefinition {
	return slices.Repeat([]TaskDefinition{d}, n)
}

// Attempt is one attempt of a waiting state, with the values of the context object that a message body can have.
type Attempt struct {
	Token     string // $$.Task.Token
	Execution string // $$.Execution.Id
	State     string // $$.State.Name
	// EnteredAt is $$.State.EnteredTime. A Retry and a redrive do not enter the state again, so it stays.
	EnteredAt    time.Time
	RetryCount   int // $$.State.RetryCount
	RedriveCount int // $$.Execution.RedriveCount
	// Branch is the number of the branch of a Parallel state, or $$.Map.Item.Index.
	Branch int
	// SentAt is when the message of the attempt was sent.
	SentAt time.Time
}

// ExecutionStatus is the status of an execution.
type ExecutionStatus string

// The statuses of an execution.
const (
	ExecutionRunning   ExecutionStatus = "RUNNING"
	ExecutionSucceeded ExecutionStatus = "SUCCEEDED"
	ExecutionFailed    ExecutionStatus = "FAILED"
	ExecutionAborted   ExecutionStatus = "ABORTED"
)

// ErrNotRedrivable is returned for the redrive of an execution that runs or has succeeded.
var ErrNotRedrivable = errors.New("ExecutionNotRedrivable")

// Execution is a run of a state machine with a single state: a task, or a Map or Parallel state with a task in each
// branch. As in Step Functions, a retried state gets a new token and a fresh timeout, and keeps its EnteredTime. A
// branch that fails ends the other branches.
type Execution struct {
	ARN string

	steps    *StepFunctions
	send     func(Attempt)
	mu       sync.Mutex
	status   ExecutionStatus
	cause    error // why it failed
	redrives int
	branches []*branch
	attempts []Attempt
	stop     context.CancelFunc
	done     chan struct{} // closed when it does not run
}

// branch is a task of the execution. Without Map and Parallel there is a single branch.
type branch struct {
	TaskDefinition
	number    int
	enteredAt time.Time // zero before the first attempt
	succeeded bool
}

// StartExecution begins an execution. One task is a plain state, and several tasks are the branches of a Map or
// Parallel state. Send is called with each attempt, as Step Functions sends the message of a waiting state; branches
// call it concurrently. The execution is aborted when the context ends.
func (s *StepFunctions) StartExecution(ctx context.Context, name string, send func(Attempt), tasks ...TaskDefinition) *Execution {
	e := &Execution{
		ARN:   fmt.Sprintf("arn:aws:states:%s:%s:execution:%s:%s", Region, Account, name, rand.Text()),
		steps: s,
		send:  send,
	}
	for i, d := range tasks {
		e.branches = append(e.branches, &branch{TaskDefinition: d, number: i})
	}
	s.addEvent(e.ARN, HistoryEvent{Type: "ExecutionStarted"})
	e.begin(ctx)
	return e
}

// begin runs the branches that have not succeeded. The caller holds the lock, or is the only one to know the execution.
func (e *Execution) begin(ctx context.Context) {
	ctx, e.stop = context.WithCancel(ctx)
	e.status = ExecutionRunning
	e.cause = nil
	done := make(chan struct{})
	e.done = done
	redrives := e.redrives
	var open []*branch
	for _, b := range e.branches {
		if !b.succeeded {
			open = append(open, b)
		}
	}
	go func() {
		defer close(done)
		e.runBranches(ctx, open, redrives)
	}()
}

func (e *Execution) runBranches(ctx context.Context, open []*branch, redrives int) {
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var all sync.WaitGroup
	for _, b := range open {
		all.Go(func() {
			if err := e.runBranch(running, b, redrives); err != nil {
				fail(err)
			}
		})
	}
	all.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	end := "ExecutionSucceeded"
	switch {
	case ctx.Err() != nil:
		e.status, end = ExecutionAborted, "ExecutionAborted"
	case running.Err() != nil:
		e.status, end = ExecutionFailed, "ExecutionFailed"
		e.cause = context.Cause(running)
	default:
		e.status = ExecutionSucceeded
	}
	e.steps.addEvent(e.ARN, HistoryEvent{Type: end})
	e.stop()
}

// runBranch makes attempts of the state of a branch until it has succeeded or its retries are used up.
func (e *Execution) runBranch(ctx context.Context, b *branch, redrives int) error {
	for retry := 0; ; retry++ {
		token, last := e.beginAttempt(b, retry, redrives)
		task, err := e.steps.WaitForTask(ctx, token)
		if err != nil {
			e.steps.AbortTask(token)
			task, _ = e.steps.FindTask(token)
			e.steps.addEnd(task, last)
			return err
		}
		e.steps.addEnd(task, last)
		switch {
		case task.State == TaskSucceeded:
			e.mu.Lock()
			b.succeeded = true
			e.mu.Unlock()
			return nil
		case retry == b.Retries || !matchesError(b.RetryOn, task.Error):
			return fmt.Errorf("%s: %s: %s", b.Name, task.Error, task.Cause)
		}
		waitFor(ctx, b.RetryInterval)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// beginAttempt opens the task of an attempt and sends its message. It returns the token and the last event.
func (e *Execution) beginAttempt(b *branch, retry, redrives int) (token string, last int64) {
	now := time.Now()
	e.mu.Lock()
	if b.enteredAt.IsZero() {
		b.enteredAt = now
	}
	attempt := Attempt{
		Execution:    e.ARN,
		State:        b.Name,
		EnteredAt:    b.enteredAt,
		RetryCount:   retry,
		RedriveCount: redrives,
		Branch:       b.number,
		SentAt:       now,
	}
	attempt.Token = e.steps.openAttempt(attempt, b.Timeout, b.Heartbeat)
	e.attempts = append(e.attempts, attempt)
	e.mu.Unlock()
	last = e.steps.addScheduled(attempt)
	e.send(attempt)
	return attempt.Token, last
}

// matchesError reports whether the ErrorEquals of a Retry match an error.
func matchesError(patterns []string, name string) bool {
	timeout := name == ErrorTimeout || name == ErrorHeartbeatTimeout
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		switch pattern {
		case "States.ALL":
			return true
		case ErrorTimeout:
			return timeout
		case "States.TaskFailed":
			return !timeout
		}
		return pattern == name
	})
}

// Status returns the status of the execution, and why it failed.
func (e *Execution) Status() (ExecutionStatus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status, e.cause
}

// Attempts returns the attempts so far, in the order in which they began.
func (e *Execution) Attempts() []Attempt {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.attempts)
}

// Wait returns when the execution has ended, or the context's error.
func (e *Execution) Wait(ctx context.Context) error {
	e.mu.Lock()
	done := e.done
	e.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends the execution as StopExecution does, and returns when its tasks are closed.
func (e *Execution) Stop() {
	e.mu.Lock()
	done := e.done
	e.stop()
	e.mu.Unlock()
	<-done
}

// Redrive runs the branches that have not succeeded again, as RedriveExecution does: with new tokens, a retry count
// that begins at 0, and the EnteredTime that they had.
func (e *Execution) Redrive(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.status == ExecutionRunning || e.status == ExecutionSucceeded {
		return ErrNotRedrivable
	}
	e.redrives++
	e.steps.addEvent(e.ARN, HistoryEvent{Type: "ExecutionRedriven"})
	e.begin(ctx)
	return nil
}
