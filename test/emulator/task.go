package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"
)

// TaskState is the state of a task.
type TaskState string

// The states of a task.
const (
	TaskOpen      TaskState = "open"
	TaskSucceeded TaskState = "succeeded"
	TaskFailed    TaskState = "failed"
	TaskTimedOut  TaskState = "timed_out" // by its timeout or by a missing heartbeat
	TaskAborted   TaskState = "aborted"
	TaskForgotten TaskState = "forgotten"
)

// The errors of a state whose task has timed out.
const (
	ErrorTimeout          = "States.Timeout"
	ErrorHeartbeatTimeout = "States.HeartbeatTimeout"
)

// Task is one waiting state as its workflow sees it.
type Task struct {
	Attempt Attempt // of an execution; for a task of OpenTask it has only the token
	State   TaskState
	Output  string
	Error   string // also ErrorTimeout or ErrorHeartbeatTimeout
	Cause   string

	Effective  int       // number of applied answers: at most one
	Calls      int       // number of calls with the token, with any outcome
	Heartbeats int       // number of accepted heartbeats
	AnsweredAt time.Time // time of the applied answer

	expiresAt    time.Time // zero means never
	heartbeatDue time.Time // zero means never
	heartbeat    time.Duration
	forgotten    bool
	ended        chan struct{} // closed when the task has ended
}

// OpenTask begins a task and returns its token. The task times out after timeout, or if the time since the last
// heartbeat exceeds heartbeat; 0 switches a limit off. Tokens have the form and the size of AWS's tokens.
func (s *StepFunctions) OpenTask(timeout, heartbeat time.Duration) string {
	return s.openAttempt(Attempt{}, timeout, heartbeat)
}

func (s *StepFunctions) openAttempt(attempt Attempt, timeout, heartbeat time.Duration) string {
	b := make([]byte, 480)
	_, _ = rand.Read(b)
	token := "AQC" + base64.StdEncoding.EncodeToString(b)
	attempt.Token = token
	t := &Task{Attempt: attempt, State: TaskOpen, heartbeat: heartbeat, ended: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	if timeout > 0 {
		t.expiresAt = now.Add(timeout)
	}
	if heartbeat > 0 {
		t.heartbeatDue = now.Add(heartbeat)
	}
	s.tasks[token] = t
	return token
}

// FindTask returns the task of a token, and reports whether there is one.
func (s *StepFunctions) FindTask(token string) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tasks[token]
	if !ok {
		return Task{}, false
	}
	t.expireIfDue(s.clock.now())
	return *t, true
}

// WaitForTask returns the task after it has ended, by an answer or by its time limit. It returns the context's error
// if the context ends first.
func (s *StepFunctions) WaitForTask(ctx context.Context, token string) (Task, error) {
	for {
		t, ok := s.FindTask(token)
		switch {
		case !ok:
			return Task{}, newAPIError("InvalidToken", "unknown")
		case t.State != TaskOpen:
			return t, nil
		}
		var late <-chan time.Time // the earliest end: a heartbeat postpones it
		if end, ends := t.nextDeadline(); ends {
			late = time.After(end.Sub(s.taskTime()) + 1)
		}
		select {
		case <-t.ended:
		case <-late:
		case <-ctx.Done():
			return Task{}, ctx.Err()
		}
	}
}

// ExpireTask ends the task as its timeout does.
func (s *StepFunctions) ExpireTask(token string) {
	s.closeTask(token, TaskTimedOut)
}

// AbortTask ends the task as StopExecution does.
func (s *StepFunctions) AbortTask(token string) {
	s.closeTask(token, TaskAborted)
}

// ForgetTask ends the task if it is open. Later calls with its token get TaskDoesNotExist, as they do when the
// execution no longer exists.
func (s *StepFunctions) ForgetTask(token string) {
	s.closeTask(token, TaskForgotten)
}

func (s *StepFunctions) closeTask(token string, state TaskState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[token]
	if t == nil {
		return
	}
	t.expireIfDue(s.clock.now())
	if t.State == TaskOpen {
		if state == TaskTimedOut {
			t.Error = ErrorTimeout
		}
		t.endAs(state)
	}
	t.forgotten = t.forgotten || state == TaskForgotten
}

func (t *Task) endAs(state TaskState) {
	t.State = state
	close(t.ended)
}

// recordHeartbeat counts a heartbeat and moves the time at which the next is due.
func (t *Task) recordHeartbeat(now time.Time) {
	t.Heartbeats++
	if t.heartbeat > 0 {
		t.heartbeatDue = now.Add(t.heartbeat)
	}
}

// nextDeadline returns the time at which the task times out without a further call, and reports whether there is one.
func (t *Task) nextDeadline() (end time.Time, ends bool) {
	if t.heartbeatDue.IsZero() || !t.expiresAt.IsZero() && t.expiresAt.Before(t.heartbeatDue) {
		return t.expiresAt, !t.expiresAt.IsZero()
	}
	return t.heartbeatDue, true
}

func (t *Task) expireIfDue(now time.Time) {
	end, ends := t.nextDeadline()
	if t.State != TaskOpen || !ends || !now.After(end) {
		return
	}
	t.Error = ErrorTimeout
	if end.Equal(t.heartbeatDue) && !end.Equal(t.expiresAt) {
		t.Error = ErrorHeartbeatTimeout
	}
	t.endAs(TaskTimedOut)
}
