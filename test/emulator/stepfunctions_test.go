package emulator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/stretchr/testify/require"
)

func (w clients) sendSuccess(token, output string) error {
	_, err := w.tasks.SendTaskSuccess(w.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: &output})
	return err
}

func (w clients) sendFailure(token string) error {
	_, err := w.tasks.SendTaskFailure(w.Context(), &sfn.SendTaskFailureInput{TaskToken: &token, Error: aws.String("Rejected"), Cause: aws.String("by alan")})
	return err
}

func (w clients) sendHeartbeat(token string) error {
	_, err := w.tasks.SendTaskHeartbeat(w.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: &token})
	return err
}

// allCalls returns the three calls by name.
func (w clients) allCalls() map[string]func(token string) error {
	return map[string]func(string) error{"heartbeat": w.sendHeartbeat, "success": func(token string) error { return w.sendSuccess(token, "{}") }, "failure": w.sendFailure}
}

func TestAnswers(t *testing.T) {
	inBubble(t, func(w clients) {
		good, bad := w.StepFunctions.OpenTask(time.Hour, 0), w.StepFunctions.OpenTask(0, 0)
		w.passTime(time.Minute)
		if err := errors.Join(w.sendHeartbeat(good), w.sendSuccess(good, `{"a": "ü"}`), w.sendHeartbeat(bad), w.sendHeartbeat(bad), w.sendFailure(bad)); err != nil {
			t.Fatal(err)
		}
		for token, want := range map[string]Task{
			good: {State: TaskSucceeded, Output: `{"a": "ü"}`, Effective: 1, Calls: 2, Heartbeats: 1},
			bad:  {State: TaskFailed, Error: "Rejected", Cause: "by alan", Effective: 1, Calls: 3, Heartbeats: 2},
		} {
			got, err := w.StepFunctions.WaitForTask(w.Context(), token)
			shown := Task{State: got.State, Output: got.Output, Error: got.Error, Cause: got.Cause, Effective: got.Effective, Calls: got.Calls, Heartbeats: got.Heartbeats}
			if err != nil || shown != want || !got.AnsweredAt.Equal(time.Now()) {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if calls := w.StepFunctions.CallCounts(); calls["SendTaskHeartbeat"] != 3 || calls["SendTaskSuccess"] != 1 || calls["SendTaskFailure"] != 1 {
			t.Errorf("%v", calls)
		}
	})
}

// TestClosedTokens shows the error of each call for each token that no longer waits, as a type that the SDK decodes. The
// calls have no effect.
func TestClosedTokens(t *testing.T) {
	inBubble(t, func(w clients) {
		s := w.StepFunctions
		used := func(end func(string) error) string {
			token := s.OpenTask(time.Hour, 0)
			if err := end(token); err != nil {
				t.Fatal(err)
			}
			return token
		}
		stopped, expired, missed, deleted := s.OpenTask(0, 0), s.OpenTask(time.Second, 0), s.OpenTask(time.Hour, time.Second), s.OpenTask(0, 0)
		forgotten := used(w.sendFailure)
		answered := map[string]string{"succeeded": used(w.allCalls()["success"]), "failed": used(w.sendFailure)}
		w.passTime(time.Second + 1)
		s.AbortTask(stopped)
		s.AbortTask(expired) // without effect: it has expired
		s.AbortTask("unknown")
		s.ForgetTask(deleted)
		s.ForgetTask(forgotten)
		timedOut, none, gone := isError[*types.TaskTimedOut], isError[*types.InvalidToken], isError[*types.TaskDoesNotExist]
		for name, c := range map[string]struct {
			token string
			state TaskState
			told  func(error) bool
		}{
			"succeeded": {answered["succeeded"], TaskSucceeded, timedOut}, "failed": {answered["failed"], TaskFailed, timedOut},
			"stopped": {stopped, TaskAborted, timedOut}, "expired": {expired, TaskTimedOut, timedOut}, "heartbeat missed": {missed, TaskTimedOut, timedOut},
			"unknown": {"AQCtoken", "", none}, "longest": {strings.Repeat("ü", 2048), "", none},
			"deleted": {deleted, TaskForgotten, gone}, "answered, deleted": {forgotten, TaskFailed, gone},
		} {
			before, known := s.FindTask(c.token)
			for call, do := range w.allCalls() {
				if err := do(c.token); !c.told(err) {
					t.Errorf("%s of %s: %v", call, name, err)
				}
			}
			after, _ := s.FindTask(c.token)
			if after.State != c.state || after.Effective != before.Effective || after.Heartbeats != before.Heartbeats || (known && after.Calls != before.Calls+3) {
				t.Errorf("%s: %+v, was %+v", name, after, before)
			}
		}
		if _, err := s.WaitForTask(w.Context(), "unknown"); err == nil {
			t.Error("waited for nothing")
		}
	})
}

// TestClocks shows that a heartbeat moves only its own deadline, and that WaitForTask returns when a task times out.
func TestClocks(t *testing.T) {
	inBubble(t, func(w clients) {
		began := time.Now()
		token := w.StepFunctions.OpenTask(10*time.Second, 3*time.Second)
		ended := make(chan time.Duration)
		go func() {
			task, err := w.StepFunctions.WaitForTask(w.Context(), token)
			if err != nil || task.State != TaskTimedOut || task.Heartbeats != 4 {
				t.Errorf("%+v, %v", task, err)
			}
			ended <- time.Since(began)
		}()
		for range 4 {
			w.passTime(2500 * time.Millisecond)
			if err := w.sendHeartbeat(token); err != nil {
				t.Error(err)
			}
		}
		if took := <-ended; took != 10*time.Second+1 {
			t.Errorf("ended after %v", took)
		}
		if err := w.sendHeartbeat(token); !isError[*types.TaskTimedOut](err) {
			t.Error(err)
		}
		for call, do := range w.allCalls() { // the first call after the expiry
			late := w.StepFunctions.OpenTask(time.Second, 0)
			w.passTime(time.Second + 1)
			if err := do(late); !isError[*types.TaskTimedOut](err) {
				t.Errorf("%s: %v", call, err)
			}
		}
		began = time.Now()
		silent := w.StepFunctions.OpenTask(time.Hour, 3*time.Second)
		if task, err := w.StepFunctions.WaitForTask(w.Context(), silent); err != nil || task.State != TaskTimedOut || time.Since(began) != 3*time.Second+1 {
			t.Errorf("%+v, %v after %v", task, err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
		defer cancel()
		if _, err := w.StepFunctions.WaitForTask(ctx, w.StepFunctions.OpenTask(0, 0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestRefusedCalls(t *testing.T) {
	inBubble(t, func(w clients) {
		token := w.StepFunctions.OpenTask(0, 0)
		failure := func(name, cause string) error {
			_, err := w.tasks.SendTaskFailure(w.Context(), &sfn.SendTaskFailureInput{TaskToken: &token, Error: &name, Cause: &cause})
			return err
		}
		largest := `"` + strings.Repeat("ü", 131_071) + `"`
		_, unknown := w.tasks.DescribeExecution(w.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String("x")})
		for name, c := range map[string]struct {
			err       error
			errorCode string
		}{
			"no JSON": {w.sendSuccess(token, "{"), "InvalidOutput"}, "no output": {w.sendSuccess(token, ""), "InvalidOutput"}, "two values": {w.sendSuccess(token, "1 2"), "InvalidOutput"},
			"output": {w.sendSuccess(token, largest+" "), "ValidationException"},
			"token":  {w.sendHeartbeat(strings.Repeat("x", 2049)), "ValidationException"}, "no token": {w.sendHeartbeat(""), "ValidationException"},
			"error":   {failure(strings.Repeat("ü", 257), ""), "ValidationException"},
			"cause":   {failure("", strings.Repeat("ü", 32_769)), "ValidationException"},
			"unknown": {unknown, "UnknownOperationException"},
		} {
			if errorCode(c.err) != c.errorCode || (c.errorCode == "InvalidOutput") != isError[*types.InvalidOutput](c.err) {
				t.Errorf("%s: %v", name, c.err)
			}
		}
		if task, _ := w.StepFunctions.FindTask(token); task.State != TaskOpen || task.Calls != 0 {
			t.Errorf("%+v", task)
		}
		if err := w.sendSuccess(token, largest); err != nil {
			t.Error(err)
		}
		token = w.StepFunctions.OpenTask(0, 0)
		if err := failure(strings.Repeat("ü", 256), strings.Repeat("ü", 32_768)); err != nil {
			t.Error(err)
		}
	})
}

// TestFaults shows for each fault whether the call is applied, and the error that the SDK returns.
func TestFaults(t *testing.T) {
	inBubble(t, func(w clients) {
		s := w.StepFunctions
		for name, c := range map[string]struct {
			faults    Faults
			outage    bool
			applied   bool
			errorCode string
		}{
			"throttled":      {Faults{Throttle: 1}, false, false, "ThrottlingException"},
			"failed":         {Faults{Fail: 1}, false, false, "InternalServerError"},
			"reply lost":     {Faults{LoseReply: 1}, false, true, ""},
			"not reached":    {Faults{}, true, false, ""},
			"nothing at all": {Faults{}, false, true, "none"},
		} {
			for call, do := range w.allCalls() {
				token := s.OpenTask(0, 0)
				s.SetFaults(c.faults)
				s.SetOutage(c.outage)
				err := do(token)
				s.SetFaults(Faults{})
				s.SetOutage(false)
				if (err == nil) != (c.errorCode == "none") || (err != nil && errorCode(err) != c.errorCode) {
					t.Errorf("%s, %s: %v", call, name, err)
				}
				task, _ := s.FindTask(token)
				if applied := task.Effective+task.Heartbeats == 1; applied != c.applied || applied != (task.Calls == 1) {
					t.Errorf("%s, %s: %+v", call, name, task)
				}
				retry := do(token) // the relay must handle this answer
				if lost := call != "heartbeat" && c.applied; isError[*types.TaskTimedOut](retry) != lost || (retry == nil) == lost {
					t.Errorf("%s, %s: again: %v", call, name, retry)
				}
				if task, _ := s.FindTask(token); call != "heartbeat" && task.Effective != 1 {
					t.Errorf("%s, %s: effective %d times", call, name, task.Effective)
				}
			}
		}
	})
}

// TestLatency shows that a call is applied although its caller has closed the connection.
func TestLatency(t *testing.T) {
	inBubble(t, func(w clients) {
		began := time.Now()
		w.StepFunctions.SetFaults(Faults{Latency: 10 * time.Second})
		token := w.StepFunctions.OpenTask(0, 0)
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if _, err := w.tasks.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String("{}")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if task, _ := w.StepFunctions.FindTask(token); task.State != TaskOpen {
			t.Errorf("%+v", task)
		}
		task, err := w.StepFunctions.WaitForTask(w.Context(), token)
		if err != nil || task.State != TaskSucceeded || time.Since(began) != 10*time.Second {
			t.Errorf("%+v, %v after %v", task, err, time.Since(began))
		}
	})
}

func TestFaultsAreShares(t *testing.T) {
	inBubble(t, func(w clients) {
		w.StepFunctions.SetFaults(Faults{Throttle: 0.5})
		throttled := 0
		for range 100 {
			if errorCode(w.sendHeartbeat(w.StepFunctions.OpenTask(0, 0))) == "ThrottlingException" {
				throttled++
			}
		}
		if throttled < 25 || throttled > 75 { // the random numbers are the same in every run
			t.Errorf("%d of 100", throttled)
		}
	})
}

// TestWatchedCalls shows that every call is reported, with any outcome.
func TestWatchedCalls(t *testing.T) {
	inBubble(t, func(w clients) {
		var book []Call
		w.StepFunctions.WatchCalls(func(c Call) { book = append(book, c) })
		want := map[Faults][2]bool{ // applied, replied
			{}: {true, true}, {Throttle: 1}: {false, true}, {Fail: 1}: {false, true}, {LoseReply: 1}: {true, false},
		}
		for faults, ends := range want {
			for call, do := range w.allCalls() {
				token := w.StepFunctions.OpenTask(0, 0)
				w.StepFunctions.SetFaults(faults)
				book = nil
				_ = do(token) // TestFaults checks the errors
				if len(book) != 1 || book[0].Token != token || book[0].Applied != ends[0] || book[0].Replied != ends[1] || !book[0].At.Equal(time.Now()) {
					t.Errorf("%s, %+v: %+v", call, faults, book)
				}
				if call != "heartbeat" && book[0].Content == "" {
					t.Errorf("%s says nothing", call)
				}
			}
		}
	})
}

// While the clock of the tasks is stopped, no task times out. Afterwards each has the time that it had left.
func TestStoppedClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewStepFunctions()
		stateOf := func(token string) TaskState {
			task, ok := s.FindTask(token)
			require.True(t, ok)
			return task.State
		}
		old := s.OpenTask(time.Hour, 20*time.Second)
		time.Sleep(15 * time.Second)
		goOn := s.StopClock()
		fresh := s.OpenTask(10*time.Second, 0)
		time.Sleep(time.Minute)
		require.Equal(t, TaskOpen, stateOf(old))
		require.Equal(t, TaskOpen, stateOf(fresh))
		goOn()
		time.Sleep(5 * time.Second)
		require.Equal(t, TaskOpen, stateOf(old))
		time.Sleep(time.Nanosecond)
		require.Equal(t, TaskTimedOut, stateOf(old))
		require.Equal(t, TaskOpen, stateOf(fresh))

		began := time.Now()
		goOn = s.StopClock()
		time.AfterFunc(time.Hour, goOn)
		task, err := s.WaitForTask(t.Context(), fresh)
		require.NoError(t, err)
		require.Equal(t, ErrorTimeout, task.Error)
		require.InDelta(t, time.Hour+5*time.Second, time.Since(began), float64(10*time.Second))
	})
}
