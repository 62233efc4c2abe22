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

	expires, beats time.Time // zero is never
	heartbeat      time.Duration
	gone           bool
	ended          chan struct{} // closed when it has
}

// NewToken begins a task: it waits for timeout at most, and for heartbeat after
// each sign of life; 0 is for ever. Tokens look and weigh as AWS's do.
func (s *StepFunctions) NewToken(timeout, heartbeat time.Duration) string {
	b := make([]byte, 480)
	_, _ = rand.Read(b)
	token := "AQC" + base64.StdEncoding.EncodeToString(b)
	t := &Task{State: TaskOpen, heartbeat: heartbeat, ended: make(chan struct{})}
	now := time.Now()
	if timeout > 0 {
		t.expires = now.Add(timeout)
	}
	if heartbeat > 0 {
		t.beats = now.Add(heartbeat)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[token] = t
	return token
}

// Task returns what is known of a token.
func (s *StepFunctions) Task(token string) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tasks[token]
	if !ok {
		return Task{}, false
	}
	t.expire(time.Now())
	return *t, true
}

// Wait returns the task once it has ended, by an answer or its time, or the
// context's error.
func (s *StepFunctions) Wait(ctx context.Context, token string) (Task, error) {
	for {
		t, ok := s.Task(token)
		switch {
		case !ok:
			return Task{}, fail("InvalidToken", "unknown")
		case t.State != TaskOpen:
			return t, nil
		}
		var late <-chan time.Time // at the earliest: a heartbeat puts the end off
		if end, ends := t.deadline(); ends {
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

// Abort ends the task as StopExecution does.
func (s *StepFunctions) Abort(token string) { s.close(token, TaskAborted) }

// Forget ends the task if it has not ended, and is told TaskDoesNotExist from now
// on, as of an execution that is gone.
func (s *StepFunctions) Forget(token string) { s.close(token, TaskForgotten) }

func (s *StepFunctions) close(token string, state TaskState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[token]
	if t == nil {
		return
	}
	t.expire(time.Now())
	if t.State == TaskOpen {
		t.end(state)
	}
	t.gone = t.gone || state == TaskForgotten
}

func (t *Task) end(state TaskState) {
	t.State = state
	close(t.ended)
}

// beat is a sign of life.
func (t *Task) beat(now time.Time) {
	t.Heartbeats++
	if t.heartbeat > 0 {
		t.beats = now.Add(t.heartbeat)
	}
}

// deadline is when the task times out if nothing is heard of it.
func (t *Task) deadline() (end time.Time, ends bool) {
	if t.beats.IsZero() || !t.expires.IsZero() && t.expires.Before(t.beats) {
		return t.expires, !t.expires.IsZero()
	}
	return t.beats, true
}

func (t *Task) expire(now time.Time) {
	if end, ends := t.deadline(); t.State == TaskOpen && ends && now.After(end) {
		t.end(TaskTimedOut)
	}
}
