package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// HistoryAPI is the part of sfn.Client that tells how a task has ended.
type HistoryAPI interface {
	GetExecutionHistory(
		context.Context, *sfn.GetExecutionHistoryInput, ...func(*sfn.Options),
	) (*sfn.GetExecutionHistoryOutput, error)
}

// Bounds of the reading of a history. A history has at most 25,000 events.
const (
	historyPage     = 100 // events; each can have 256 KiB of data
	maxHistoryPages = 250
)

// errNoExecution is the error of a text that is not the ARN of an execution.
var errNoExecution = approval.Permanent(approval.WithReasonCode(approval.ReasonNotConfigured,
	errors.New("the request does not name its execution by its ARN")))

// FindTruth implements callback.Reconciler. It reads the history of the execution, latest event first, until it finds our
// answer or the event that scheduled the task. It needs states:GetExecutionHistory on the executions.
func (t *Target) FindTruth(ctx context.Context, a approval.Answer) (approval.Truth, error) {
	api, ok := t.api.(HistoryAPI)
	if !ok || !isExecutionARN(a.Execution) {
		return "", errNoExecution
	}
	search := newTruthSearch(a)
	in := &sfn.GetExecutionHistoryInput{
		ExecutionArn:         &a.Execution,
		IncludeExecutionData: aws.Bool(true),
		MaxResults:           historyPage,
		ReverseOrder:         true,
	}
	for range maxHistoryPages {
		out, err := readHistory(ctx, t, api, in)
		if err != nil {
			return "", callback.ForOrder("GetExecutionHistory", a, err)
		}
		for _, e := range out.Events {
			if truth := search.read(e); truth != "" {
				return truth, nil
			}
		}
		if in.NextToken = out.NextToken; out.NextToken == nil {
			return search.end(), nil
		}
	}
	return "", nil
}

// readHistory reads a page within the rate limit.
func readHistory(
	ctx context.Context, t *Target, api HistoryAPI, in *sfn.GetExecutionHistoryInput,
) (out *sfn.GetExecutionHistoryOutput, err error) {
	send := func(ctx context.Context) error {
		out, err = outbound.SendOnce(ctx, t.service, api.GetExecutionHistory, in)
		return err
	}
	if t.limits.History == nil {
		return out, send(ctx)
	}
	err = callback.AttemptWithinLimit(ctx, t.limits.History, t.service.Timeout, send)
	return out, err
}

// isExecutionARN reports whether a text is the ARN of an execution of a standard workflow, also of a child of a
// distributed Map state.
func isExecutionARN(text string) bool {
	parts := strings.SplitN(text, ":", 7)
	return len(parts) == 7 && parts[0] == "arn" && parts[2] == "states" && parts[5] == "execution"
}

// truthSearch looks for the end of a task in the events of an execution, latest first. An event names the event before it
// of the same state, so that the end of a task leads to the event that scheduled it, with its token.
type truthSearch struct {
	answer approval.Answer
	// ends are the ends of tasks by the ID of the event before.
	ends map[int64]approval.Truth
	// hasEnded is set if the execution has ended.
	hasEnded bool
}

func newTruthSearch(a approval.Answer) *truthSearch {
	return &truthSearch{answer: a, ends: map[int64]approval.Truth{}}
}

// read returns the truth if this event tells it.
func (s *truthSearch) read(e types.HistoryEvent) approval.Truth {
	switch e.Type {
	case types.HistoryEventTypeExecutionSucceeded, types.HistoryEventTypeExecutionFailed,
		types.HistoryEventTypeExecutionAborted, types.HistoryEventTypeExecutionTimedOut:
		s.hasEnded = true
	case types.HistoryEventTypeExecutionRedriven: // the events before are of the run before
		s.hasEnded = true
	case types.HistoryEventTypeTaskSucceeded:
		if d := e.TaskSucceededEventDetails; d != nil && s.isOurs(d.Output) {
			return approval.TruthAnswered
		}
		s.ends[e.PreviousEventId] = approval.TruthAnother
	case types.HistoryEventTypeTaskFailed:
		if d := e.TaskFailedEventDetails; d != nil && s.isOurs(d.Cause) {
			return approval.TruthAnswered
		}
		s.ends[e.PreviousEventId] = approval.TruthAnother
	case types.HistoryEventTypeTaskTimedOut:
		s.ends[e.PreviousEventId] = approval.TruthTimedOut
	case types.HistoryEventTypeTaskStateAborted:
		s.ends[e.PreviousEventId] = approval.TruthEnded
	case types.HistoryEventTypeTaskStarted, types.HistoryEventTypeTaskSubmitted:
		if truth, ok := s.ends[e.Id]; ok {
			s.ends[e.PreviousEventId] = truth
		}
	case types.HistoryEventTypeTaskScheduled:
		return s.readScheduled(e)
	}
	return ""
}

// readScheduled returns the truth if this event scheduled our task. Its parameters have the token of the task.
func (s *truthSearch) readScheduled(e types.HistoryEvent) approval.Truth {
	token, d := s.answer.Token.Reveal(), e.TaskScheduledEventDetails
	if token == "" || d == nil || !strings.Contains(aws.ToString(d.Parameters), token) {
		return ""
	}
	if truth, ok := s.ends[e.Id]; ok {
		return truth
	}
	return s.end()
}

// end returns the truth if no event tells the end of the task: in an execution that has ended, the task has ended with it.
func (s *truthSearch) end() approval.Truth {
	if s.hasEnded {
		return approval.TruthEnded
	}
	return ""
}

// isOurs reports whether an output or cause is an answer of ours to this approval.
func (s *truthSearch) isOurs(text *string) bool {
	var answer struct {
		ApprovalID string `json:"approvalId"`
	}
	return json.Unmarshal([]byte(aws.ToString(text)), &answer) == nil && answer.ApprovalID == s.answer.ApprovalID &&
		answer.ApprovalID != ""
}
