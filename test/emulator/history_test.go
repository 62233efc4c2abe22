package emulator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// readHistory reads a history backwards, two events a page.
func (w clients) readHistory(arn string) (events []types.HistoryEvent, err error) {
	in := &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, ReverseOrder: true, MaxResults: 2}
	for {
		out, err := w.tasks.GetExecutionHistory(w.Context(), in)
		if err != nil {
			return nil, err
		}
		events = append(events, out.Events...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return events, nil
		}
	}
}

// TestHistory shows the events of a task that times out, is retried and answered, and of one that is stopped.
func TestHistory(t *testing.T) {
	inBubble(t, func(w clients) {
		e, sent := w.startExecution(TaskDefinition{Name: "Ask", Heartbeat: time.Second, Retries: 1, RetryOn: []string{ErrorTimeout}})
		first, second := <-sent, <-sent
		if err := w.sendSuccess(second.Token, `{"a":1}`); err != nil {
			t.Fatal(err)
		}
		w.requireStatus(e, ExecutionSucceeded)
		events, err := w.readHistory(e.ARN)
		var kinds []types.HistoryEventType
		for _, e := range events {
			kinds = append(kinds, e.Type)
		}
		want := []types.HistoryEventType{
			"ExecutionSucceeded", "TaskSucceeded", "TaskSubmitted", "TaskStarted", "TaskScheduled",
			"TaskTimedOut", "TaskSubmitted", "TaskStarted", "TaskScheduled", "ExecutionStarted",
		}
		if err != nil || !slices.Equal(kinds, want) {
			t.Fatal(err, kinds)
		}
		succeeded, timedOut, scheduled := events[1], events[5], events[8]
		if aws.ToString(succeeded.TaskSucceededEventDetails.Output) != `{"a":1}` || succeeded.PreviousEventId != events[2].Id {
			t.Errorf("%+v", succeeded)
		}
		if aws.ToString(timedOut.TaskTimedOutEventDetails.Error) != ErrorHeartbeatTimeout || timedOut.PreviousEventId != events[6].Id {
			t.Errorf("%+v", timedOut)
		}
		parameters := aws.ToString(scheduled.TaskScheduledEventDetails.Parameters)
		if !strings.Contains(parameters, first.Token) || strings.Contains(parameters, second.Token) {
			t.Error(parameters)
		}
		stopped, sent := w.startExecution(TaskDefinition{Name: "Ask"})
		<-sent
		stopped.Stop()
		if events, err := w.readHistory(stopped.ARN); err != nil || events[0].Type != "ExecutionAborted" || events[1].Type != "TaskStateAborted" {
			t.Error(events, err)
		}
	})
}

// TestRefusedHistories shows the errors of histories that cannot be read.
func TestRefusedHistories(t *testing.T) {
	inBubble(t, func(w clients) {
		e, sent := w.startExecution(TaskDefinition{Name: "Ask"})
		<-sent
		if _, err := w.readHistory("orders"); !isError[*types.InvalidArn](err) {
			t.Error(err)
		}
		if _, err := w.readHistory(e.ARN + "x"); !isError[*types.ExecutionDoesNotExist](err) {
			t.Error(err)
		}
		w.StepFunctions.SetFaults(Faults{Deny: 1}, ActionHistory)
		if _, err := w.readHistory(e.ARN); errorCode(err) != "AccessDeniedException" {
			t.Error(err)
		}
		w.StepFunctions.SetFaults(Faults{}, ActionHistory)
		w.StepFunctions.SetOutage(true)
		if _, err := w.readHistory(e.ARN); err == nil || errorCode(err) != "" {
			t.Error(err)
		}
		w.StepFunctions.SetOutage(false)
		e.Stop()
	})
}
