package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	mrand "math/rand/v2"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of the callbacks, from the API reference of SendTaskSuccess and
// SendTaskFailure: https://docs.aws.amazon.com/step-functions/latest/apireference/.
const (
	maxToken  = 2048
	maxOutput = 262_144
	maxError  = 256
	maxCause  = 32_768
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
	done           chan struct{}
}

// Faults are what goes wrong, as shares of all calls from 0 to 1.
type Faults struct {
	Throttle  float64 // ThrottlingException, nothing applied
	LoseReply float64 // applied, and the connection cut
	Fail      float64 // 500, nothing applied
	Latency   time.Duration
}

// StepFunctions answers SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat
// as Step Functions does: a token is used once, and whatever comes after it, as
// after its expiry, is told TaskTimedOut.
type StepFunctions struct {
	mu     sync.Mutex
	tasks  map[string]*Task
	faults Faults
	outage bool
	calls  map[string]int
	rand   *mrand.Rand
}

// NewStepFunctions returns one without tasks.
func NewStepFunctions() *StepFunctions {
	return &StepFunctions{tasks: map[string]*Task{}, calls: map[string]int{}, rand: mrand.New(mrand.NewPCG(1, 2))} //nolint:gosec // faults, not secrets
}

// SetFaults says what goes wrong from now on.
func (s *StepFunctions) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// SetOutage cuts every connection until it is over.
func (s *StepFunctions) SetOutage(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = on
}

// NewToken begins a task: it waits for timeout at most, and for heartbeat after
// each sign of life; 0 is for ever. Tokens look and weigh as AWS's do.
func (s *StepFunctions) NewToken(timeout, heartbeat time.Duration) string {
	b := make([]byte, 480)
	_, _ = rand.Read(b)
	token := "AQC" + base64.StdEncoding.EncodeToString(b)
	t := &Task{State: TaskOpen, heartbeat: heartbeat, done: make(chan struct{})}
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

// Wait returns the task once it has ended, or the context's error.
func (s *StepFunctions) Wait(ctx context.Context, token string) (Task, error) {
	s.mu.Lock()
	t, ok := s.tasks[token]
	s.mu.Unlock()
	if !ok {
		return Task{}, fail("InvalidToken", "unknown")
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		return Task{}, ctx.Err()
	}
	out, _ := s.Task(token)
	return out, nil
}

// Abort ends the task as StopExecution does.
func (s *StepFunctions) Abort(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tasks[token]; t != nil && t.State == TaskOpen {
		t.end(TaskAborted)
	}
}

// Calls returns how often each API was called.
func (s *StepFunctions) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, v := range s.calls {
		out[k] = v
	}
	return out
}

func (t *Task) end(state TaskState) {
	t.State = state
	close(t.done)
}

func (t *Task) expire(now time.Time) {
	late := (!t.expires.IsZero() && now.After(t.expires)) || (!t.beats.IsZero() && now.After(t.beats))
	if t.State == TaskOpen && late {
		t.end(TaskTimedOut)
	}
}

// sendTask is the body of all three calls.
type sendTask struct {
	TaskToken string  `json:"taskToken"`
	Output    *string `json:"output"`
	Error     string  `json:"error"`
	Cause     string  `json:"cause"`
}

func (s *StepFunctions) serve(w http.ResponseWriter, action string, body []byte) {
	s.mu.Lock()
	faults, cut := s.faults, s.outage
	s.calls[action]++
	throttled, failed, lost := s.hits(faults.Throttle), s.hits(faults.Fail), s.hits(faults.LoseReply)
	s.mu.Unlock()
	sleep(context.Background(), faults.Latency)
	switch {
	case cut:
		hangUp(w)
		return
	case throttled:
		answer(w, nil, fail("ThrottlingException", "Rate exceeded"))
		return
	case failed:
		answer(w, nil, &apiError{Code: "InternalServerError", Message: "internal", Status: http.StatusInternalServerError})
		return
	}
	err := s.apply(action, body)
	if lost {
		hangUp(w)
		return
	}
	if err == nil {
		answer(w, nil, nil)
		return
	}
	answer(w, nil, err)
}

func (s *StepFunctions) hits(share float64) bool { return share > 0 && s.rand.Float64() < share }

// hangUp cuts the connection without an answer.
func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close()
	}
}

// apply carries the call out.
func (s *StepFunctions) apply(action string, body []byte) error {
	var in sendTask
	if err := json.Unmarshal(body, &in); err != nil {
		return fail("SerializationException", "%s", err)
	}
	if err := in.validate(action); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tasks[in.TaskToken]
	if !ok {
		return fail("InvalidToken", "Invalid Token: 'Invalid token'")
	}
	now := time.Now()
	t.Calls++
	t.expire(now)
	if t.State != TaskOpen {
		return fail("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
	}
	if action == "SendTaskHeartbeat" {
		t.Heartbeats++
		if t.heartbeat > 0 {
			t.beats = now.Add(t.heartbeat)
		}
		return nil
	}
	t.Effective++
	t.AnsweredAt = now
	if action == "SendTaskSuccess" {
		t.Output = *in.Output
		t.end(TaskSucceeded)
		return nil
	}
	t.Error, t.Cause = in.Error, in.Cause
	t.end(TaskFailed)
	return nil
}

func (in *sendTask) validate(action string) error {
	if n := utf8.RuneCountInString(in.TaskToken); n < 1 || n > maxToken {
		return fail("ValidationException", "taskToken must have length 1 to %d", maxToken)
	}
	switch action {
	case "SendTaskHeartbeat":
	case "SendTaskSuccess":
		switch {
		case in.Output == nil || len(*in.Output) > maxOutput:
			return fail("ValidationException", "output must have at most %d bytes", maxOutput)
		case !json.Valid([]byte(*in.Output)):
			return fail("InvalidOutput", "Invalid Output")
		}
	case "SendTaskFailure":
		if utf8.RuneCountInString(in.Error) > maxError || utf8.RuneCountInString(in.Cause) > maxCause {
			return fail("ValidationException", "error must have at most %d and cause at most %d characters", maxError, maxCause)
		}
	default:
		return fail("UnknownOperationException", "%s", action)
	}
	return nil
}
