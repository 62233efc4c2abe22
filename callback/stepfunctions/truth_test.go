package stepfunctions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
)

// history is an execution with these events, oldest first.
type history struct {
	fake
	events []types.HistoryEvent
	pages  int
	err    error
}

// GetExecutionHistory returns pages of two events.
func (h *history) GetExecutionHistory(
	_ context.Context, in *sfn.GetExecutionHistoryInput, _ ...func(*sfn.Options),
) (*sfn.GetExecutionHistoryOutput, error) {
	if h.err != nil {
		return nil, h.err
	}
	if !in.ReverseOrder || !aws.ToBool(in.IncludeExecutionData) {
		return nil, errors.New("not read backwards with its data")
	}
	h.pages++
	reversed := slices.Clone(h.events)
	slices.Reverse(reversed)
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	to := min(from+2, len(reversed))
	out := &sfn.GetExecutionHistoryOutput{Events: reversed[from:to]}
	if to < len(reversed) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}

// add adds an event after another event.
func (h *history) add(after int64, kind types.HistoryEventType, change ...func(*types.HistoryEvent)) int64 {
	e := types.HistoryEvent{Id: int64(len(h.events) + 1), PreviousEventId: after, Type: kind}
	for _, f := range change {
		f(&e)
	}
	h.events = append(h.events, e)
	return e.Id
}

// schedule adds a task that waits with a token, and returns its last event.
func (h *history) schedule(token string) int64 {
	id := h.add(0, types.HistoryEventTypeTaskScheduled, func(e *types.HistoryEvent) {
		e.TaskScheduledEventDetails = &types.TaskScheduledEventDetails{
			Parameters: aws.String(fmt.Sprintf(`{"QueueUrl":"q","MessageBody":{"TaskToken":%q}}`, token)),
		}
	})
	return h.add(h.add(id, types.HistoryEventTypeTaskStarted), types.HistoryEventTypeTaskSubmitted)
}

func output(text string) func(*types.HistoryEvent) {
	return func(e *types.HistoryEvent) {
		e.TaskSucceededEventDetails = &types.TaskSucceededEventDetails{Output: &text}
		e.TaskFailedEventDetails = &types.TaskFailedEventDetails{Cause: &text}
	}
}

const executionARN = "arn:aws:states:eu-west-1:111122223333:execution:orders:e-1"

// The history of an execution tells how the task of an approval has ended, whatever else the execution did.
func TestFindTruth(t *testing.T) {
	t.Parallel()
	const ours, another = "our-token", "another-token"
	for name, c := range map[string]struct {
		make  func(h *history)
		token string
		want  approval.Truth
	}{
		"our success": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskSucceeded, output(`{"approved":true,"approvalId":"id-1"}`))
		}, ours, approval.TruthAnswered},
		"our failure, the token is erased": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskFailed, output(`{"approvalId":"id-1"}`))
			h.add(0, types.HistoryEventTypeExecutionFailed)
		}, "", approval.TruthAnswered},
		"timed out": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskTimedOut)
		}, ours, approval.TruthTimedOut},
		"answered by another": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskSucceeded, output(`{"detail":{"approvalId":"id-1"}}`))
		}, ours, approval.TruthAnother},
		"another branch timed out, ours was answered by another": {func(h *history) {
			mine, theirs := h.schedule(ours), h.schedule(another)
			h.add(mine, types.HistoryEventTypeTaskSucceeded, output(`{"approvalId":"id-2"}`))
			h.add(theirs, types.HistoryEventTypeTaskTimedOut)
		}, ours, approval.TruthAnother},
		"the execution was stopped": {func(h *history) {
			h.schedule(ours)
			h.add(0, types.HistoryEventTypeExecutionAborted)
		}, ours, approval.TruthEnded},
		"the branch was stopped": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskStateAborted)
		}, ours, approval.TruthEnded},
		"retried: the second attempt waits": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskTimedOut)
			h.schedule(another)
		}, ours, approval.TruthTimedOut},
		"redriven after it was stopped": {func(h *history) {
			h.schedule(ours)
			h.add(0, types.HistoryEventTypeExecutionAborted)
			h.add(0, types.HistoryEventTypeExecutionRedriven)
			h.schedule(another)
		}, ours, approval.TruthEnded},
		"the history lags behind": {func(h *history) { h.schedule(ours) }, ours, ""},
		"it runs on, the token is erased": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskTimedOut)
		}, "", ""},
		"it has ended, the token is erased": {func(h *history) {
			h.add(h.schedule(ours), types.HistoryEventTypeTaskTimedOut)
			h.add(0, types.HistoryEventTypeExecutionFailed)
		}, "", approval.TruthEnded},
	} {
		h := &history{}
		h.add(0, types.HistoryEventTypeExecutionStarted)
		c.make(h)
		target := stepfunctions.NewTarget(h, stepfunctions.Config{Limits: unlimited()})
		a := approval.Answer{OrderID: "A-1", ApprovalID: "id-1", Execution: executionARN, Token: approval.NewToken(c.token)}
		truth, err := target.FindTruth(t.Context(), a)
		require.NoError(t, err, name)
		require.Equal(t, c.want, truth, name)
	}
}

// An execution that is not named by its ARN is not asked about, and denied calls are told apart.
func TestFindTruthThatFails(t *testing.T) {
	t.Parallel()
	for _, execution := range []string{
		"", "e-1", "arn:aws:states:eu-west-1:111122223333:stateMachine:orders", "arn:aws:sqs:eu-west-1:111122223333:execution:x",
	} {
		h := &history{}
		target := stepfunctions.NewTarget(h, stepfunctions.Config{Limits: unlimited()})
		_, err := target.FindTruth(t.Context(), approval.Answer{ApprovalID: "id-1", Execution: execution})
		require.Equal(t, approval.ReasonNotConfigured, approval.ReasonCodeOf(err), execution)
		require.True(t, approval.IsPermanent(err))
		require.Zero(t, h.pages)
	}
	without := stepfunctions.NewTarget(fake{}, stepfunctions.Config{Limits: unlimited()})
	_, err := without.FindTruth(t.Context(), approval.Answer{Execution: executionARN})
	require.Equal(t, approval.ReasonNotConfigured, approval.ReasonCodeOf(err))
}
