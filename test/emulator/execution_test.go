package emulator

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// startExecution begins an execution and returns it with the channel of its attempts.
func (w clients) startExecution(tasks ...TaskDefinition) (*Execution, chan Attempt) {
	w.Helper()
	sent := make(chan Attempt, 100)
	return w.StepFunctions.StartExecution(w.Context(), "orders", func(a Attempt) { sent <- a }, tasks...), sent
}

// requireStatus waits for the end of the execution.
func (w clients) requireStatus(e *Execution, want ExecutionStatus) {
	w.Helper()
	err := e.Wait(w.Context())
	if got, cause := e.Status(); err != nil || got != want || (want == ExecutionFailed) != (cause != nil) {
		w.Errorf("%s (%v), want %s; %v", got, cause, want, err)
	}
}

// requireClosed requires that each call with the token gets TaskTimedOut.
func (w clients) requireClosed(token string) {
	w.Helper()
	for name, do := range w.allCalls() {
		if err := do(token); !isError[*types.TaskTimedOut](err) {
			w.Errorf("%s: %v", name, err)
		}
	}
}

// TestRetry shows what a Retry changes: the token and the limits are new, the retry count rises, and the time at which
// the state was entered stays.
func TestRetry(t *testing.T) {
	inBubble(t, func(w clients) {
		began := time.Now()
		e, sent := w.startExecution(TaskDefinition{
			Name: "Ask", Timeout: time.Minute, Heartbeat: 50 * time.Second, Retries: 2, RetryInterval: time.Second, RetryOn: []string{ErrorTimeout},
		})
		first := <-sent
		w.passTime(30 * time.Second)
		if err := w.sendHeartbeat(first.Token); err != nil {
			t.Error(err)
		}
		second := <-sent
		w.requireClosed(first.Token)
		if task, _ := w.StepFunctions.FindTask(first.Token); task.State != TaskTimedOut || task.Error != ErrorTimeout || task.Attempt != first {
			t.Errorf("%+v", task)
		}
		third := <-sent // without a heartbeat
		if task, _ := w.StepFunctions.FindTask(second.Token); task.State != TaskTimedOut || task.Error != ErrorHeartbeatTimeout {
			t.Errorf("%+v", task)
		}
		for i, a := range []Attempt{first, second, third} {
			want := Attempt{
				Token: a.Token, Execution: e.ARN, State: "Ask", EnteredAt: began, RetryCount: i,
				SentAt: began.Add([]time.Duration{0, 61, 112}[i]*time.Second + time.Duration(i)),
			}
			if a != want || e.Attempts()[i] != a {
				t.Errorf("%+v, want %+v", a, want)
			}
		}
		if first.Token == second.Token || second.Token == third.Token {
			t.Error("the token stays")
		}
		w.passTime(40 * time.Second) // more than the minute of the first attempt
		if err := w.sendSuccess(third.Token, "{}"); err != nil {
			t.Error(err)
		}
		w.requireStatus(e, ExecutionSucceeded)
	})
}

// TestRetriedErrors shows which errors a Retry is for, and that an execution fails when its retries are used up.
func TestRetriedErrors(t *testing.T) {
	inBubble(t, func(w clients) {
		fail := func(token string) {
			if err := w.sendFailure(token); err != nil {
				t.Error(err)
			}
		}
		expire := func(string) { w.passTime(time.Minute + 1) }
		for name, c := range map[string]struct {
			on       []string
			end      func(token string)
			attempts int
		}{
			"a failure by name":        {[]string{"Other", "Rejected"}, fail, 3},
			"another failure":          {[]string{"Other"}, fail, 1},
			"any failure":              {[]string{"States.TaskFailed"}, fail, 3},
			"a timeout is no failure":  {[]string{"States.TaskFailed"}, expire, 1},
			"a failure is no timeout":  {[]string{ErrorTimeout}, fail, 1},
			"all errors":               {[]string{"States.ALL"}, expire, 3},
			"a missing heartbeat only": {[]string{ErrorHeartbeatTimeout}, expire, 1},
			"without a Retry":          {nil, expire, 1},
			"expired at once":          {[]string{ErrorTimeout}, w.StepFunctions.ExpireTask, 3},
		} {
			e, sent := w.startExecution(TaskDefinition{Name: "Ask", Timeout: time.Minute, Retries: 2, RetryOn: c.on})
			for range c.attempts {
				c.end((<-sent).Token)
			}
			w.requireStatus(e, ExecutionFailed)
			if n := len(e.Attempts()); n != c.attempts {
				t.Errorf("%s: %d attempts, want %d", name, n, c.attempts)
			}
		}
	})
}

// TestMapState shows several tokens of an execution. The first branch that fails ends the others.
func TestMapState(t *testing.T) {
	inBubble(t, func(w clients) {
		e, sent := w.startExecution(MapOf(3, TaskDefinition{Name: "Ask"})...)
		attempts := map[int]Attempt{}
		for range 3 {
			a := <-sent
			if a.Execution != e.ARN || a.State != "Ask" {
				t.Errorf("%+v", a)
			}
			attempts[a.Branch] = a
		}
		for _, a := range attempts {
			if status, _ := e.Status(); status != ExecutionRunning {
				t.Error(status)
			}
			if err := w.sendSuccess(a.Token, "{}"); err != nil {
				t.Error(err)
			}
		}
		w.requireStatus(e, ExecutionSucceeded)
		if len(attempts) != 3 || !errors.Is(e.Redrive(w.Context()), ErrNotRedrivable) {
			t.Errorf("%+v", attempts)
		}
		other, sent := w.startExecution(TaskDefinition{Name: "Left"}, TaskDefinition{Name: "Right"})
		states := map[string]string{}
		for range 2 {
			a := <-sent
			states[a.State] = a.Token
		}
		if err := w.sendFailure(states["Left"]); err != nil {
			t.Error(err)
		}
		w.requireStatus(other, ExecutionFailed)
		if task, _ := w.StepFunctions.FindTask(states["Right"]); task.State != TaskAborted || other.ARN == e.ARN {
			t.Errorf("%+v of %s", task, other.ARN)
		}
		w.requireClosed(states["Right"])
	})
}

// TestExecutionRedrive shows that a redrive opens new tokens for the branches that have not succeeded, in the same execution.
func TestExecutionRedrive(t *testing.T) {
	inBubble(t, func(w clients) {
		e, sent := w.startExecution(MapOf(3, TaskDefinition{Name: "Ask", Timeout: time.Hour, Retries: 1, RetryOn: []string{"Rejected"}})...)
		entered := time.Now()
		first := map[int]Attempt{}
		for range 3 {
			a := <-sent
			first[a.Branch] = a
		}
		if err := errors.Join(w.sendSuccess(first[0].Token, "{}"), w.sendFailure(first[1].Token)); err != nil {
			t.Error(err)
		}
		if a := <-sent; a.RetryCount != 1 || a.Branch != 1 || !errors.Is(e.Redrive(w.Context()), ErrNotRedrivable) {
			t.Errorf("%+v", a)
		} else if err := w.sendFailure(a.Token); err != nil {
			t.Error(err)
		}
		w.requireStatus(e, ExecutionFailed)
		w.passTime(24 * time.Hour)
		if err := e.Redrive(w.Context()); err != nil {
			t.Error(err)
		}
		for range 2 {
			a := <-sent
			before := first[a.Branch]
			if a.Branch == 0 || a.Execution != e.ARN || !a.EnteredAt.Equal(entered) || a.Token == before.Token {
				t.Errorf("%+v, was %+v", a, before)
			}
			if a.RedriveCount != 1 || a.RetryCount != 0 {
				t.Errorf("%+v", a)
			}
			w.requireClosed(first[a.Branch].Token)
			if err := w.sendSuccess(a.Token, "{}"); err != nil { // its timeout is fresh
				t.Error(err)
			}
		}
		w.requireStatus(e, ExecutionSucceeded)
	})
}

// TestStopExecution shows that StopExecution closes every token, and that a stopped execution can be redriven.
func TestStopExecution(t *testing.T) {
	inBubble(t, func(w clients) {
		e, sent := w.startExecution(MapOf(2, TaskDefinition{Name: "Ask"})...)
		tokens := []string{(<-sent).Token, (<-sent).Token}
		e.Stop()
		w.requireStatus(e, ExecutionAborted)
		for _, token := range tokens {
			w.requireClosed(token)
		}
		if err := e.Redrive(w.Context()); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := w.sendSuccess((<-sent).Token, "{}"); err != nil {
				t.Error(err)
			}
		}
		w.requireStatus(e, ExecutionSucceeded)
	})
}

// TestFaultsOfAnAction shows that the three calls fail apart: each has its own quota and its own permission.
func TestFaultsOfAnAction(t *testing.T) {
	inBubble(t, func(w clients) {
		token := w.StepFunctions.OpenTask(time.Hour, time.Minute)
		w.StepFunctions.SetFaults(Faults{Throttle: 1}, ActionSuccess, ActionFailure)
		for range 3 {
			w.passTime(40 * time.Second)
			if err := w.sendHeartbeat(token); err != nil {
				t.Error(err)
			}
			for _, err := range []error{w.sendSuccess(token, "{}"), w.sendFailure(token)} {
				if errorCode(err) != "ThrottlingException" {
					t.Error(err)
				}
			}
		}
		w.StepFunctions.SetFaults(Faults{})
		if err := w.sendSuccess(token, "{}"); err != nil {
			t.Error(err)
		}
	})
}

// TestHeartbeatWithoutALimit shows that a task without HeartbeatSeconds accepts heartbeats, which move nothing. So a
// heartbeat tells of every token whether its task is open.
func TestHeartbeatWithoutALimit(t *testing.T) {
	inBubble(t, func(w clients) {
		endless, short := w.StepFunctions.OpenTask(0, 0), w.StepFunctions.OpenTask(time.Minute, 0)
		w.passTime(59 * time.Second)
		if err := errors.Join(w.sendHeartbeat(endless), w.sendHeartbeat(short)); err != nil {
			t.Error(err)
		}
		w.passTime(time.Second + 1)
		w.requireClosed(short)
		w.passTime(365 * 24 * time.Hour)
		if err := w.sendHeartbeat(endless); err != nil {
			t.Error(err)
		}
		if task, _ := w.StepFunctions.FindTask(endless); task.Heartbeats != 2 || task.State != TaskOpen {
			t.Errorf("%+v", task)
		}
	})
}
