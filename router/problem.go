package router

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Problem is the body of an answer that is no success (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Field is the place of the fault in what was sent.
	Field string `json:"field,omitempty"`
	// Verdict and what it is about, for a decision that was refused.
	Verdict    approval.VerdictCode `json:"verdict,omitempty"`
	ApprovalID string               `json:"approvalId,omitempty"`
	OrderState approval.Status      `json:"approvalStatus,omitempty"`
}

// credentialError is a request whose credential or signature is not right.
type credentialError struct{ error }

func (e *credentialError) Unwrap() error { return e.error }

// busyError is a request of a source that sends more than it may.
type busyError struct{ wait time.Duration }

func (e *busyError) Error() string {
	return "more requests than this source may send; send it again later"
}

// notFoundError is a path that leads nowhere.
type notFoundError struct{ what string }

func (e *notFoundError) Error() string { return "no such " + e.what }

// statusOf is the one place where an error becomes an HTTP status: 4xx for what
// will never be accepted as it is, 5xx for all that may pass.
func statusOf(err error) int {
	var refusal *approval.Refusal
	var large *http.MaxBytesError
	var credential *credentialError
	var missing *notFoundError
	var busy *busyError
	switch {
	case errors.As(err, &busy):
		return http.StatusTooManyRequests
	case errors.As(err, &refusal):
		return refusalStatus(refusal.Verdict.Code)
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &credential):
		return http.StatusUnauthorized
	case errors.As(err, &missing), errors.Is(err, approval.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, errBody):
		return http.StatusBadRequest
	case approval.IsPermanent(err):
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

func refusalStatus(code approval.VerdictCode) int {
	switch code {
	case approval.VerdictUnknown:
		return http.StatusNotFound
	case approval.VerdictNotApprover, approval.VerdictRequester, approval.VerdictAssurance, approval.VerdictSource:
		return http.StatusForbidden
	case approval.VerdictOverflow: // room comes when those that wait expire
		return http.StatusServiceUnavailable
	}
	return http.StatusConflict
}

// answer writes the fate of a request.
func answer(w http.ResponseWriter, body any, err error) {
	if err != nil {
		if busy, is := errors.AsType[*busyError](err); is {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(busy.wait, time.Second).Seconds()))))
		}
		writeProblem(w, problemOf(err))
		return
	}
	status := http.StatusOK
	switch b := body.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case handlers.Accepted:
		status = http.StatusAccepted
	case handlers.Decided:
		if b.Verdict == approval.VerdictWaiting {
			status = http.StatusAccepted
		}
	}
	writeJSON(w, status, "application/json", body)
}

// problemOf describes an error to the sender. What may pass is described in
// general: its text is for the log.
func problemOf(err error) Problem {
	status := statusOf(err)
	p := Problem{Type: "about:blank", Title: http.StatusText(status), Status: status}
	var field *approval.FieldError
	var refusal *approval.Refusal
	switch {
	case status == http.StatusServiceUnavailable && errors.Is(err, context.DeadlineExceeded):
		p.Detail = "it took too long; send it again"
	case status == http.StatusServiceUnavailable:
		p.Detail = "it could not be stored now; send it again"
	case status == http.StatusUnauthorized:
		p.Detail = "the credential or signature is missing or not right"
	case errors.As(err, &refusal):
		p.Detail, p.Verdict, p.ApprovalID, p.OrderState = refusal.Error(), refusal.Verdict.Code, refusal.Verdict.ApprovalID, refusal.Verdict.Status
	case errors.As(err, &field):
		p.Detail, p.Field = field.Error(), field.Field
	default:
		p.Detail = err.Error()
	}
	return p
}

func writeProblem(w http.ResponseWriter, p Problem) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="approval-relay"`)
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender has gone
}
