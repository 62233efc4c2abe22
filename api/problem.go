package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/refusal"
)

// Problem is the body of an answer that is not a success (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Field names the part of the request that is at fault.
	Field string `json:"field,omitempty"`
	// Verdict, ApprovalID and ApprovalStatus describe a decision that was refused.
	Verdict        approval.VerdictCode `json:"verdict,omitempty"`
	ApprovalID     string               `json:"approvalId,omitempty"`
	ApprovalStatus approval.Status      `json:"approvalStatus,omitempty"`
	// Errors are the faults of a decision with the verdict "invalid". They have no values.
	Errors []DecisionFault `json:"errors,omitempty"`
	// Candidates are the pending approvals that an ambiguous or duplicate decision can be about, at most 20. Send the
	// decision again with an approvalId of them.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Faults list everything that is wrong with a configuration that was not reloaded.
	Faults []string `json:"faults,omitempty"`
}

// Candidate is a pending approval that a decision can be about.
type Candidate struct {
	ApprovalID string `json:"approvalId"`
	Workflow   string `json:"workflow"`
	Step       string `json:"step,omitempty"`
	// StateName is the name of the workflow's waiting state.
	StateName string `json:"stateName,omitempty"`
	Execution string `json:"execution,omitempty"`
}

// DecisionFault is a fault of the choice, of a value or of the comment of a decision.
type DecisionFault struct {
	// Field is the name of a field of the form, "choice" or "comment". It is empty for all values together.
	Field string         `json:"field"`
	Code  form.FaultCode `json:"code"`
	// Want is the limit, the type, the format, or the choices that are offered.
	Want   string `json:"want,omitempty"`
	Detail string `json:"detail"`
}

func newDecisionFault(f form.Fault) DecisionFault {
	return DecisionFault{
		Field:  f.Field,
		Code:   f.Code,
		Want:   f.Want,
		Detail: f.Text(language.For("en")),
	}
}

// credentialError marks a request with a missing or wrong credential or signature.
type credentialError struct {
	error
	challenge string // the value of WWW-Authenticate
}

func (e *credentialError) Unwrap() error { return e.error }

// InvalidCredential marks the error of a credential or signature that is missing or
// wrong. The request is answered with 401 and must not be sent again as it is.
func InvalidCredential(err error) error {
	if err == nil {
		return nil
	}
	return &credentialError{error: err, challenge: bearerChallenge}
}

// bearerChallenge asks for a bearer token.
const bearerChallenge = `Bearer realm="approval-relay"` //nolint:gosec // contains no credential

// withChallenge returns err with the challenge of a source, if err is about its credential.
func withChallenge(err error, challenge string) error {
	if credential, ok := errors.AsType[*credentialError](err); ok && challenge != "" {
		return &credentialError{error: credential.error, challenge: challenge}
	}
	return err
}

// rateLimitError is returned for a request above a rate limit.
type rateLimitError struct {
	wait   time.Duration
	detail string
}

func (e *rateLimitError) Error() string { return e.detail }

// methodError is returned for a path that is not served under the request's method.
type methodError struct{ method, allow string }

func (e *methodError) Error() string {
	return fmt.Sprintf("this path does not take %.10s, only %s", e.method, e.allow)
}

// forbiddenError is returned for a call that the principal may not make.
type forbiddenError struct{ reason string }

func (e *forbiddenError) Error() string { return e.reason }

// notFoundError is returned for an unknown path, or a path that names an unknown source or workflow.
type notFoundError struct{ what string }

func (e *notFoundError) Error() string { return "no such " + e.what }

// statusOf is the only place where an error becomes an HTTP status: 4xx if the
// request will never be accepted as it is, 5xx if the error is temporary.
func statusOf(err error) int {
	var refused *approval.RefusalError
	var large *http.MaxBytesError
	var credential *credentialError
	var forbidden *forbiddenError
	var missing *notFoundError
	var method *methodError
	var limited *rateLimitError
	var reload *ReloadError
	var conflict *conflictError
	if status := bodyStatus(err); status != 0 {
		return status
	}
	switch {
	case errors.As(err, &limited):
		return http.StatusTooManyRequests
	case errors.As(err, &refused):
		return refusalStatus(refused.Verdict.Code)
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &credential):
		return http.StatusUnauthorized
	case errors.As(err, &forbidden):
		return http.StatusForbidden
	case errors.As(err, &method):
		return http.StatusMethodNotAllowed
	case errors.As(err, &missing), errors.Is(err, approval.ErrNotFound):
		return http.StatusNotFound
	case errors.As(err, &conflict):
		return http.StatusConflict
	case errors.Is(err, errBody):
		return http.StatusBadRequest
	case errors.Is(err, inbound.ErrSlow):
		return http.StatusRequestTimeout
	case errors.As(err, &reload), approval.IsPermanent(err):
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

// bodyStatus returns the status for a body that cannot be decompressed, or whose format is not taken, and 0 for other
// errors.
func bodyStatus(err error) int {
	switch refusal.CodeOf(err) {
	case refusal.TooLarge:
		return http.StatusRequestEntityTooLarge
	case refusal.Encoding, refusal.Format:
		return http.StatusUnsupportedMediaType
	}
	return 0
}

func refusalStatus(code approval.VerdictCode) int {
	switch code {
	case approval.VerdictUnknown:
		return http.StatusNotFound
	case approval.VerdictInvalid: // the sender can send it again, corrected
		return http.StatusUnprocessableEntity
	case approval.VerdictNotApprover, approval.VerdictRequester, approval.VerdictAsker, approval.VerdictAnonymous,
		approval.VerdictAssurance, approval.VerdictSource:
		return http.StatusForbidden
	case approval.VerdictOverflow: // temporary: waiting decisions expire
		return http.StatusServiceUnavailable
	}
	return http.StatusConflict
}

// describe tells the recorder why a request is refused.
func describe(r *http.Request, err error) {
	if call := refusal.CallOf(r.Context()); call != nil {
		call.Describe(describeRefusal(err))
	}
}

// writeAnswer answers a request with an answer, or with the problem that err describes.
func writeAnswer(w http.ResponseWriter, r *http.Request, answer any, err error) {
	if err != nil {
		describe(r, err)
		if limited, is := errors.AsType[*rateLimitError](err); is {
			setRetryAfter(w.Header(), limited.wait)
		}
		switch refusal.CodeOf(err) { // RFC 9110, section 15.5.16
		case refusal.Encoding:
			w.Header().Set("Accept-Encoding", body.AcceptEncoding)
		case refusal.Format:
			w.Header().Set("Accept", body.Accept)
		}
		if _, is := errors.AsType[*approval.OrderFullError](err); is {
			w.Header().Set("Retry-After", "60")
		}
		if _, isHeld := heldTypeOf(err); isHeld {
			setRetryAfter(w.Header(), heldRetryAfter)
		}
		if credential, is := errors.AsType[*credentialError](err); is {
			w.Header().Set("WWW-Authenticate", credential.challenge)
		}
		writeProblem(w, problemOf(err))
		return
	}
	switch b := answer.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
	case handlers.Accepted:
		writeJSON(w, http.StatusAccepted, "application/json", RequestAccepted(b))
	case handlers.Decided:
		writeJSON(w, decisionStatus(b.Verdict), "application/json", DecisionResult{
			OrderID:    b.OrderID,
			ApprovalID: b.ApprovalID,
			Verdict:    b.Verdict,
			Status:     b.Status,
			ProposalID: b.ProposalID,
		})
	default:
		writeJSON(w, http.StatusOK, "application/json", answer)
	}
}

// setRetryAfter sets the time after which a client may try again, in whole seconds.
func setRetryAfter(h http.Header, wait time.Duration) {
	seconds := math.Ceil(max(wait, time.Second).Seconds())
	h.Set("Retry-After", strconv.Itoa(int(seconds)))
}

// decisionStatus is 202 for a decision that waits for its request.
func decisionStatus(v approval.VerdictCode) int {
	if v == approval.VerdictWaiting {
		return http.StatusAccepted
	}
	return http.StatusOK
}

// problemOf describes an error to the sender. A temporary error is described in
// general terms only; its text is for the log.
func problemOf(err error) Problem {
	status := statusOf(err)
	p := Problem{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
	}
	var field *approval.FieldError
	var refused *approval.RefusalError
	var reload *ReloadError
	var full *approval.OrderFullError
	var query *queryError
	var large *http.MaxBytesError
	held, isHeld := heldTypeOf(err)
	switch {
	case isHeld:
		p.Type, p.Detail = held.name, held.detail
	case errors.As(err, &full):
		p.Detail = full.Error()
	case errors.As(err, &refused): // one of too many waiting decisions is refused for now, with 503
		p.Detail = refused.Error()
		p.Verdict = refused.Verdict.Code
		p.ApprovalID = refused.Verdict.ApprovalID
		p.ApprovalStatus = refused.Verdict.Status
		p.Candidates = mapSlice(refused.Verdict.Candidates, newCandidate)
		p.Errors = mapSlice(refused.Verdict.Faults, newDecisionFault)
		if errors.As(err, &field) { // the refusal has a field as its cause
			p.Detail += "; " + field.Error()
			p.Field = field.Field
		}
	case status == http.StatusServiceUnavailable && errors.Is(err, context.DeadlineExceeded):
		p.Detail = "the request took too long; send it again"
	case errors.Is(err, inbound.ErrBusy):
		p.Detail = "too many requests are being read; send it again"
	case status == http.StatusServiceUnavailable:
		p.Detail = "the store did not answer the request; send it again"
	case status == http.StatusUnauthorized:
		p.Detail, p.Field = credentialText(err)
	case errors.As(err, &query):
		p.Detail = query.Error()
		p.Field = "query"
	case errors.As(err, &field):
		p.Detail = field.Error()
		p.Field = field.Field
	case errors.As(err, &large):
		p.Detail = largeText(large)
		p.Field = "body"
	case errors.As(err, &reload):
		p.Detail = reload.Message
		p.Faults = reload.Faults
	default:
		p.Detail = err.Error()
		if r, ok := errors.AsType[*refusal.Error](err); ok {
			p.Detail, p.Field = r.Public, r.PublicField
		}
	}
	return p
}

// credentialText returns what a sender is told of a refused credential: the same for every reason.
func credentialText(err error) (detail, field string) {
	if e, ok := errors.AsType[*refusal.Error](err); ok && e.Public != "" {
		return e.Public, e.PublicField
	}
	return "the credential or signature is missing or wrong", ""
}

func writeProblem(w http.ResponseWriter, p Problem) {
	if p.Status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "2")
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	values := []string{contentType, "no-store", "nosniff"}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = values[0:1:1], values[1:2:2], values[2:3:3]
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails if the sender has gone
}
