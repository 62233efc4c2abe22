package emulator

import (
	"context"
	"encoding/json"
	"maps"
	mrand "math/rand/v2"
	"net/http"
	"slices"
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

// Faults are what goes wrong, as shares of all calls from 0 to 1.
type Faults struct {
	Throttle  float64       // ThrottlingException, nothing applied
	LoseReply float64       // applied, and the connection cut
	Fail      float64       // 500, nothing applied
	Latency   time.Duration // before it is applied, which a caller that hangs up does not stop
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
	watch  func(Call)
}

// Call is one call of SendTask*, as an entry of a book.
type Call struct {
	At     time.Time // when it came
	Action string
	Token  string
	Content   string // the output, or the error and cause
	// Applied says that it answered its task, or was taken for a heartbeat.
	Applied bool
	// Replied says that its caller was answered.
	Replied bool
}

// WatchCalls has every call told, before its caller is answered.
func (s *StepFunctions) WatchCalls(f func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = f
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

// CallCounts returns how often each API was called.
func (s *StepFunctions) CallCounts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// sendTask is the body of all three calls.
type sendTask struct {
	TaskToken string  `json:"taskToken"`
	Output    *string `json:"output"`
	Error     string  `json:"error"`
	Cause     string  `json:"cause"`
}

func (s *StepFunctions) serveCall(life context.Context, w http.ResponseWriter, action string, body []byte) {
	s.mu.Lock()
	faults, cut, watch := s.faults, s.outage, s.watch
	s.calls[action]++
	throttled, failed, lost := s.drawFault(faults.Throttle), s.drawFault(faults.Fail), s.drawFault(faults.LoseReply)
	s.mu.Unlock()
	call := Call{At: time.Now(), Action: action, Replied: true}
	waitFor(life, faults.Latency)
	var err error
	switch {
	case cut || life.Err() != nil:
		call.Replied = false
	case throttled:
		err = newAPIError("ThrottlingException", "Rate exceeded")
	case failed:
		err = &apiError{Code: "InternalServerError", Message: "internal", Status: http.StatusInternalServerError}
	default:
		err = s.applyCall(action, body)
		call.Applied, call.Replied = err == nil, !lost
	}
	if watch != nil {
		watch(call.withContent(body))
	}
	if !call.Replied {
		hangUp(w)
		return
	}
	writeAnswer(w, nil, err)
}

// withContent fills in what the caller sent; what cannot be read is in the book without
// a token.
func (c Call) withContent(body []byte) Call {
	var in sendTask
	_ = json.Unmarshal(body, &in)
	c.Token, c.Content = in.TaskToken, in.Error+" "+in.Cause
	if in.Output != nil {
		c.Content = *in.Output
	}
	return c
}

func (s *StepFunctions) drawFault(share float64) bool { return share > 0 && s.rand.Float64() < share }

// hangUp cuts the connection without an answer.
func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close()
	}
}

// applyCall carries the call out.
func (s *StepFunctions) applyCall(action string, body []byte) error {
	var in sendTask
	if err := json.Unmarshal(body, &in); err != nil || !utf8.Valid(body) {
		return newAPIError("SerializationException", "the body is not JSON")
	}
	if err := in.validate(action); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tasks[in.TaskToken]
	if !ok {
		return newAPIError("InvalidToken", "Invalid Token: 'Invalid token'")
	}
	now := time.Now()
	t.Calls++
	t.expireIfDue(now)
	if t.forgotten {
		return newAPIError("TaskDoesNotExist", "Task does not exist")
	}
	if t.State != TaskOpen {
		return newAPIError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
	}
	if action == "SendTaskHeartbeat" {
		t.recordHeartbeat(now)
		return nil
	}
	t.Effective++
	t.AnsweredAt = now
	if action == "SendTaskSuccess" {
		t.Output = *in.Output
		t.endAs(TaskSucceeded)
		return nil
	}
	t.Error, t.Cause = in.Error, in.Cause
	t.endAs(TaskFailed)
	return nil
}

func (in *sendTask) validate(action string) error {
	if !slices.Contains([]string{"SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"}, action) {
		return newAPIError("UnknownOperationException", "%s", action)
	}
	if n := utf8.RuneCountInString(in.TaskToken); n < 1 || n > maxToken {
		return newAPIError("ValidationException", "taskToken must have length 1 to %d", maxToken)
	}
	switch {
	case utf8.RuneCountInString(in.Error) > maxError || utf8.RuneCountInString(in.Cause) > maxCause:
		return newAPIError("ValidationException", "error must have at most %d and cause at most %d characters", maxError, maxCause)
	case action != "SendTaskSuccess":
		return nil
	case in.Output == nil || len(*in.Output) > maxOutput:
		return newAPIError("ValidationException", "output must have at most %d bytes", maxOutput)
	case !json.Valid([]byte(*in.Output)):
		return newAPIError("InvalidOutput", "Invalid Output")
	}
	return nil
}
