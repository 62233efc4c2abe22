package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"
)

// TaskState is how a task is or ended.
type TaskState string

// The states of a task.
const (
	TaskOpen      TaskState = "open"
	TaskSucceeded TaskState = "succeeded"
	TaskFailed    TaskState = "failed"
	TaskTimedOut  TaskState = "timed_out" // also by a missing heartbeat
	TaskAborted   TaskState = "aborted"
	TaskForgotten TaskState = "forgotten"
)

// Task is one waiting state, as its workflow sees it.
type Task struct {
	State  TaskState
	Output string
	Error  string
	Cause  string

	Effective  int       // answers that were applied: at most one
	Calls      int       // calls with the token, whatever came of them
	Heartbeats int       // that were taken
	AnsweredAt time.Time // of the answer that was applied

	expiresAt, heartbeatDue time.Time // zero is never
	heartbeat      time.Duration
	forgotten           bool
	ended          chan struct{} // closed when it has
}

// OpenTask begins a task: it waits for timeout at most, and for heartbeat after
// each sign of life; 0 is for ever. Tokens look and weigh as AWS's do.
func (s *StepFunctions) OpenTask(timeout, heartbeat time.Duration) string {
	b := make([]byte, 480)
	_, _ = rand.Read(b)
	token := "AQC" + base64.StdEncoding.EncodeToString(b)
	t := &Task{State: TaskOpen, heartbeat: heartbeat, ended: make(chan struct{})}
	now := time.Now()
	if timeout > 0 {
		t.expiresAt = now.Add(timeout)
	}
	if heartbeat > 0 {
		t.heartbeatDue = now.Add(heartbeat)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[token] = t
	return token
}

// FindTask returns what is known of a token.
func (s *StepFunctions) FindTask(token string) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tasks[token]
	if !ok {
		return Task{}, false
	}
	t.expireIfDue(time.Now())
	return *t, true
}

// WaitForTask returns the task once it has ended, by an answer or its time, or the
// context's error.
func (s *StepFunctions) WaitForTask(ctx context.Context, token string) (Task, error) {
	for {
		t, ok := s.FindTask(token)
		switch {
		case !ok:
			return Task{}, newAPIError("InvalidToken", "unknown")
		case t.State != TaskOpen:
			return t, nil
		}
		var late <-chan time.Time // at the earliest: a heartbeat puts the end off
		if end, ends := t.nextDeadline(); ends {
			late = time.After(time.Until(end) + 1)
		}
		select {
		case <-t.ended:
		case <-late:
		case <-ctx.Done():
			return Task{}, ctx.Err()
		}
	}
}

// AbortTask ends the task as StopExecution does.
func (s *StepFunctions) AbortTask(token string) { s.closeTask(token, TaskAborted) }

// ForgetTask ends the task if it has not ended, and is told TaskDoesNotExist from now
// on, as of an execution that is gone.
func (s *StepFunctions) ForgetTask(token string) { s.closeTask(token, TaskForgotten) }

func (s *StepFunctions) closeTask(token string, state TaskState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[token]
	if t == nil {
		return
	}
	t.expireIfDue(time.Now())
	if t.State == TaskOpen {
		t.endAs(state)
	}
	t.forgotten = t.forgotten || state == TaskForgotten
}

func (t *Task) endAs(state TaskState) {
	t.State = state
	close(t.ended)
}

// recordHeartbeat is a sign of life.
func (t *Task) recordHeartbeat(now time.Time) {
	t.Heartbeats++
	if t.heartbeat > 0 {
		t.heartbeatDue = now.Add(t.heartbeat)
	}
}

// nextDeadline is when the task times out if nothing is heard of it.
func (t *Task) nextDeadline() (end time.Time, ends bool) {
	if t.heartbeatDue.IsZero() || !t.expiresAt.IsZero() && t.expiresAt.Before(t.heartbeatDue) {
		return t.expiresAt, !t.expiresAt.IsZero()
	}
	return t.heartbeatDue, true
}

func (t *Task) expireIfDue(now time.Time) {
	if end, ends := t.nextDeadline(); t.State == TaskOpen && ends && now.After(end) {
		t.endAs(TaskTimedOut)
	}
}
