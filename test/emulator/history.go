package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sizes of a page of a history.
const (
	defaultHistoryPage = 100
	maxHistoryPage     = 1000
)

// HistoryEvent is an event of an execution, as far as a state that waits for a task token has them. Each event of a task
// names the one before it of the same task.
type HistoryEvent struct {
	ID       int64         `json:"id"`
	Previous int64         `json:"previousEventId"`
	Type     string        `json:"type"` // such as TaskScheduled
	At       float64       `json:"timestamp"`
	Schedule *eventDetails `json:"taskScheduledEventDetails,omitempty"`
	Success  *eventDetails `json:"taskSucceededEventDetails,omitempty"`
	Failure  *eventDetails `json:"taskFailedEventDetails,omitempty"`
	Timeout  *eventDetails `json:"taskTimedOutEventDetails,omitempty"`
}

// eventDetails are the details of an event of a task. The data are left out if the caller does not want them.
type eventDetails struct {
	Resource   string `json:"resource"`
	Type       string `json:"resourceType"`
	Region     string `json:"region,omitempty"`
	Parameters string `json:"parameters,omitempty"`
	Output     string `json:"output,omitempty"`
	Error      string `json:"error,omitempty"`
	Cause      string `json:"cause,omitempty"`
}

func newDetails() *eventDetails {
	return &eventDetails{Resource: "sendMessage.waitForTaskToken", Type: "sqs"}
}

func (d *eventDetails) withoutData() *eventDetails {
	if d == nil {
		return nil
	}
	return &eventDetails{Resource: d.Resource, Type: d.Type, Region: d.Region}
}

// addEvent appends an event to the history of an execution and returns its ID.
func (s *StepFunctions) addEvent(execution string, e HistoryEvent) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.ID = int64(len(s.histories[execution]) + 1)
	e.At = float64(time.Now().UnixMilli()) / 1000
	s.histories[execution] = append(s.histories[execution], e)
	return e.ID
}

// addScheduled appends the events of a task that begins to wait, and returns the ID of the last.
func (s *StepFunctions) addScheduled(a Attempt) int64 {
	d := newDetails()
	d.Region = Region
	body := map[string]any{"MessageBody": map[string]string{"TaskToken": a.Token}, "QueueUrl": "https://sqs.us-east-1.amazonaws.com/queue"}
	text, _ := json.Marshal(body)
	d.Parameters = string(text)
	id := s.addEvent(a.Execution, HistoryEvent{Type: "TaskScheduled", Schedule: d})
	id = s.addEvent(a.Execution, HistoryEvent{Type: "TaskStarted", Previous: id})
	return s.addEvent(a.Execution, HistoryEvent{Type: "TaskSubmitted", Previous: id})
}

// addEnd appends the event of the end of a task.
func (s *StepFunctions) addEnd(t Task, previous int64) {
	e, d := HistoryEvent{Previous: previous}, newDetails()
	switch t.State {
	case TaskSucceeded:
		e.Type, e.Success, d.Output = "TaskSucceeded", d, t.Output
	case TaskFailed:
		e.Type, e.Failure, d.Error, d.Cause = "TaskFailed", d, t.Error, t.Cause
	case TaskTimedOut:
		e.Type, e.Timeout, d.Error = "TaskTimedOut", d, t.Error
	case TaskOpen, TaskAborted, TaskForgotten:
		e.Type = "TaskStateAborted"
	}
	s.addEvent(t.Attempt.Execution, e)
}

// readHistory returns a page of a history.
func (s *StepFunctions) readHistory(body []byte) (any, error) {
	var in struct {
		ExecutionArn         string
		IncludeExecutionData *bool
		MaxResults           int
		NextToken            string
		ReverseOrder         bool
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, newAPIError("SerializationException", "the body is not JSON")
	}
	s.mu.Lock()
	events := slices.Clone(s.histories[in.ExecutionArn])
	s.mu.Unlock()
	switch {
	case strings.Count(in.ExecutionArn, ":") != 7 || !strings.HasPrefix(in.ExecutionArn, "arn:"):
		return nil, newAPIError("InvalidArn", "Invalid Arn")
	case len(events) == 0:
		return nil, newAPIError("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", in.ExecutionArn)
	case in.MaxResults < 0 || in.MaxResults > maxHistoryPage:
		return nil, newAPIError("ValidationException", "maxResults must be at most %d", maxHistoryPage)
	}
	if in.ReverseOrder {
		slices.Reverse(events)
	}
	if in.IncludeExecutionData != nil && !*in.IncludeExecutionData {
		for i, e := range events {
			events[i].Schedule, events[i].Success = e.Schedule.withoutData(), e.Success.withoutData()
			events[i].Failure, events[i].Timeout = e.Failure.withoutData(), e.Timeout.withoutData()
		}
	}
	return pageOfHistory(events, in.NextToken, in.MaxResults)
}

// pageOfHistory returns the events from a token on.
func pageOfHistory(events []HistoryEvent, token string, limit int) (any, error) {
	from := 0
	if token != "" {
		var err error
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > len(events) {
			return nil, newAPIError("InvalidToken", "Invalid Token: 'Invalid token'")
		}
	}
	if limit == 0 {
		limit = defaultHistoryPage
	}
	to := min(from+limit, len(events))
	out := map[string]any{"events": events[from:to]}
	if to < len(events) {
		out["nextToken"] = fmt.Sprint(to)
	}
	return out, nil
}
