package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// maxCallbackID and maxResult are the limits of
// https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html.
const (
	maxCallbackID = 1024
	maxResult     = 1 << 20
)

// Lambda answers SendDurableExecutionCallbackSuccess, …Failure and …Heartbeat of durable functions. Like a task, a
// callback is answered once.
type Lambda struct {
	// Callbacks keeps the waiting callbacks as tasks; the token of such a task is the callback ID.
	Callbacks *StepFunctions
}

// NewLambda returns a Lambda without callbacks.
func NewLambda() *Lambda {
	return &Lambda{NewStepFunctions()}
}

// lambdaPath is the beginning of the path of each call.
const lambdaPath = "/2025-12-01/durable-execution-callbacks/"

// serveCall translates a call into the call of Step Functions with the same meaning.
func (l *Lambda) serveCall(s *Server, w http.ResponseWriter, r *http.Request, body []byte) {
	escaped, verb, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), lambdaPath), "/")
	id, err := url.PathUnescape(escaped)
	in := sendTask{TaskToken: id}
	action := map[string]string{"succeed": "SendTaskSuccess", "fail": "SendTaskFailure", "heartbeat": "SendTaskHeartbeat"}[verb]
	validID := err == nil && id != "" && len(id) <= maxCallbackID
	if !validID || action == "" || r.Method != http.MethodPost || len(body) > maxResult {
		writeAnswer(w, nil, newAPIError("InvalidParameterValueException", "callback ID, path or body"))
		return
	}
	switch verb {
	case "succeed":
		text := string(body)
		in.Output = &text
	case "fail":
		var e struct{ ErrorType, ErrorMessage, ErrorData string }
		if json.Unmarshal(body, &e) != nil || e.ErrorType == "" {
			writeAnswer(w, nil, newAPIError("InvalidParameterValueException", "the error"))
			return
		}
		in.Error = e.ErrorType
		in.Cause = e.ErrorData[:min(len(e.ErrorData), maxCause)] // a task has no longer cause
	}
	call, _ := json.Marshal(in) // text fields only, so it cannot fail
	l.Callbacks.serveCall(s.life, &lambdaErrors{w}, action, call)
}

// lambdaErrors replaces the names of Step Functions' errors with Lambda's names for them.
type lambdaErrors struct{ http.ResponseWriter }

// Unwrap lets hangUp reach the connection.
func (w *lambdaErrors) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

// WriteHeader implements http.ResponseWriter.
func (w *lambdaErrors) WriteHeader(status int) {
	names := map[string]string{
		"TaskTimedOut":        "CallbackTimeoutException",
		"TaskDoesNotExist":    "CallbackTimeoutException",
		"InvalidToken":        "InvalidParameterValueException",
		"ThrottlingException": "TooManyRequestsException",
		"InternalServerError": "ServiceException",
	}
	if name, ok := names[w.Header().Get("X-Amzn-Errortype")]; ok {
		w.Header().Set("X-Amzn-Errortype", name)
	}
	w.ResponseWriter.WriteHeader(status)
}
