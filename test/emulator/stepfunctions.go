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

// Faults sets how often calls fail, as shares of all calls from 0 to 1.
type Faults struct {
	Throttle  float64       // answered with ThrottlingException, not applied
	LoseReply float64       // applied, then the connection is closed without an answer
	Fail      float64       // answered with status 500, not applied
	Deny      float64       // answered with AccessDeniedException, not applied
	Latency   time.Duration // passes before a call is applied; a caller that hangs up does not stop the call
}

// The actions of the callbacks, and the action that reads the history of an execution.
const (
	ActionSuccess   = "SendTaskSuccess"
	ActionFailure   = "SendTaskFailure"
	ActionHeartbeat = "SendTaskHeartbeat"
	ActionHistory   = "GetExecutionHistory"
)

// StepFunctions answers SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat as Step Functions does: a token answers
// its task once, and every call after the task has ended gets TaskTimedOut. It also answers GetExecutionHistory.
type StepFunctions struct {
	mu     sync.Mutex
	tasks  map[string]*Task
	clock  taskClock
	faults map[string]Faults // by action
	outage bool
	calls  map[string]int
	rand   *mrand.Rand
	watch  func(Call)
	// histories are the events of executions by their ARN, oldest first.
	histories map[string][]HistoryEvent
}

// Call is the record of one call of SendTask*.
type Call struct {
	At     time.Time // when the call arrived
	Action string
	Token  string
	// Content is the output, or the error and cause.
	Content string
	// Applied reports whether the call answered its task or was accepted as a heartbeat.
	Applied bool
	// Replied reports whether the caller received an answer.
	Replied bool
}

// WatchCalls sets a function that is called with every call of SendTask* before its caller is answered.
func (s *StepFunctions) WatchCalls(f func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = f
}

// NewStepFunctions returns a StepFunctions without tasks.
func NewStepFunctions() *StepFunctions {
	return &StepFunctions{
		tasks:     map[string]*Task{},
		calls:     map[string]int{},
		faults:    map[string]Faults{},
		histories: map[string][]HistoryEvent{},
		rand:      mrand.New(mrand.NewPCG(1, 2)), //nolint:gosec // for faults, not for secrets
	}
}

// SetFaults sets how often later calls of the actions fail. Without actions it sets the faults of the three callbacks.
func (s *StepFunctions) SetFaults(f Faults, actions ...string) {
	if len(actions) == 0 {
		actions = []string{ActionSuccess, ActionFailure, ActionHeartbeat}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, action := range actions {
		s.faults[action] = f
	}
}

// SetOutage begins or ends an outage, during which every connection is closed without an answer.
func (s *StepFunctions) SetOutage(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = on
}

// CallCounts returns the number of calls of each API.
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
	s.calls[action]++
	cut := s.outage
	watch := s.watch
	faults := s.faults[action]
	throttled := s.drawFault(faults.Throttle)
	failed := s.drawFault(faults.Fail)
	lost := s.drawFault(faults.LoseReply)
	denied := s.drawFault(faults.Deny)
	s.mu.Unlock()
	call := Call{At: time.Now(), Action: action, Replied: true}
	waitFor(life, faults.Latency)
	var out any
	var err error
	switch {
	case cut || life.Err() != nil:
		call.Replied = false
	case throttled:
		err = newAPIError("ThrottlingException", "Rate exceeded")
	case failed:
		err = &apiError{Code: "InternalServerError", Message: "internal", Status: http.StatusInternalServerError}
	case denied:
		err = newAPIError("AccessDeniedException", "User is not authorized to perform: states:%s", action)
	case action == ActionHistory:
		out, err = s.readHistory(body)
	default:
		err = s.applyCall(action, body)
		call.Applied, call.Replied = err == nil, !lost
	}
	if watch != nil && action != ActionHistory {
		watch(call.withContent(body))
	}
	if !call.Replied {
		hangUp(w)
		return
	}
	writeAnswer(w, out, err)
}

// withContent returns the call with the token and content that its body states. A body that cannot be read leaves them
// empty.
func (c Call) withContent(body []byte) Call {
	var in sendTask
	_ = json.Unmarshal(body, &in)
	c.Token, c.Content = in.TaskToken, in.Error+" "+in.Cause
	if in.Output != nil {
		c.Content = *in.Output
	}
	return c
}

// drawFault reports at random whether a fault of this share happens.
func (s *StepFunctions) drawFault(share float64) bool {
	return share > 0 && s.rand.Float64() < share
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close()
	}
}

// applyCall changes the task of the call, or returns the error that AWS would return.
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
	t.Calls++
	now := s.clock.now()
	t.expireIfDue(now)
	if t.forgotten {
		return newAPIError("TaskDoesNotExist", "Task does not exist")
	}
	if t.State != TaskOpen {
		return newAPIError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
	}
	if action == ActionHeartbeat {
		t.recordHeartbeat(now)
		return nil
	}
	t.Effective++
	t.AnsweredAt = time.Now()
	if action == ActionSuccess {
		t.Output = *in.Output
		t.endAs(TaskSucceeded)
		return nil
	}
	t.Error = in.Error
	t.Cause = in.Cause
	t.endAs(TaskFailed)
	return nil
}

func (in *sendTask) validate(action string) error {
	if !slices.Contains([]string{ActionSuccess, ActionFailure, ActionHeartbeat}, action) {
		return newAPIError("UnknownOperationException", "%s", action)
	}
	if n := utf8.RuneCountInString(in.TaskToken); n < 1 || n > maxToken {
		return newAPIError("ValidationException", "taskToken must have length 1 to %d", maxToken)
	}
	switch {
	case utf8.RuneCountInString(in.Error) > maxError || utf8.RuneCountInString(in.Cause) > maxCause:
		return newAPIError("ValidationException", "error must have at most %d and cause at most %d characters", maxError, maxCause)
	case action != ActionSuccess:
		return nil
	case in.Output == nil || len(*in.Output) > maxOutput:
		return newAPIError("ValidationException", "output must have at most %d bytes", maxOutput)
	case !json.Valid([]byte(*in.Output)):
		return newAPIError("InvalidOutput", "Invalid Output")
	}
	return nil
}
