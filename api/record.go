package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/remote"
)

// recorded records each answer of an address that is a refusal, once. Handlers that know more than the answer says record
// it themselves, or describe it to the Call. The answers of probes are no refusals.
func (e *Endpoints) recorded(source string, next http.Handler) http.Handler {
	recorder := refusal.OrDiscard(e.Refusals)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var facts struct { // of one request, in one piece
			call   refusal.Call
			body   countedBody
			answer statusRecorder
		}
		call, answer := &facts.call, &facts.answer
		call.Source, call.Remote = source, remote.Text(r)
		ctx := refusal.WithCall(r.Context(), call)
		if r.Body != nil {
			facts.body = countedBody{r.Body, call}
			r.Body = &facts.body
		}
		answer.ResponseWriter, answer.status = w, http.StatusOK
		next.ServeHTTP(answer, r.WithContext(ctx))
		described := call.Described()
		status := cmp.Or(described.Status, answer.status) // see writeReply
		if status < http.StatusBadRequest || call.IsRecorded() || isProbe(call.Route) {
			return
		}
		described.Code = cmp.Or(described.Code, codeOfStatus(status))
		described.Detail = cmp.Or(described.Detail, "the answer was "+http.StatusText(status))
		described.Status = status
		recorder.RecordRefusal(ctx, described)
	})
}

// setRoute tells the call of a request which route serves it.
func setRoute(r *http.Request, pattern string) {
	call := refusal.CallOf(r.Context())
	if call == nil {
		return
	}
	call.Route = pattern
	_, path, _ := strings.Cut(pattern, "/")
	switch {
	case strings.HasPrefix(path, "a/"):
		call.Source = refusal.SourceLink
	case strings.HasPrefix(path, "signin/"):
		call.Source = refusal.SourceSignIn
	case strings.HasPrefix(path, "slack/"):
		call.Source = refusal.SourceSlack
	case strings.HasPrefix(path, "teams/"):
		call.Source = refusal.SourceTeams
	case strings.HasPrefix(path, "console/"):
		call.Source = refusal.SourceConsole
	}
}

func isProbe(pattern string) bool {
	return pattern == "GET /healthz" || pattern == "GET /readyz"
}

// codeOfStatus returns the code of an answer whose handler has not described it.
func codeOfStatus(status int) refusal.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return refusal.Format
	case http.StatusUnauthorized:
		return refusal.Mismatch
	case http.StatusForbidden:
		return refusal.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return refusal.Unknown
	case http.StatusMethodNotAllowed:
		return refusal.Method
	case http.StatusRequestTimeout:
		return refusal.Incomplete
	case http.StatusConflict:
		return refusal.Decision
	case http.StatusRequestEntityTooLarge:
		return refusal.TooLarge
	case http.StatusTooManyRequests:
		return refusal.RateLimited
	}
	if status >= http.StatusInternalServerError {
		return refusal.Unavailable
	}
	return refusal.Field
}

// describeRefusal returns why a request is answered with an error, for the operator. Texts of the sender, such as the
// name of a parameter, are not in it.
func describeRefusal(err error) refusal.Refusal {
	var credential *credentialError
	var limited *rateLimitError
	var method *methodError
	var forbidden *forbiddenError
	var missing *notFoundError
	var held *handlers.HeldError
	var large *http.MaxBytesError
	var query *queryError
	var reload *ReloadError
	described := handlers.DescribeRefusal(err)
	switch {
	case errors.As(err, &limited):
		return refusal.Refusal{Code: refusal.RateLimited, Detail: limited.Error()}
	case errors.As(err, &credential):
		if refusal.CodeOf(err) == "" { // a scheme that says no more
			return refusal.Refusal{Code: refusal.Mismatch, Detail: credential.Error()}
		}
	case errors.As(err, &forbidden):
		return refusal.Refusal{Code: refusal.Forbidden, Detail: forbidden.Error()}
	case errors.As(err, &method):
		return refusal.Refusal{Code: refusal.Method, Detail: "the path takes only " + method.allow}
	case errors.As(err, &held):
		return refusal.Refusal{Code: refusal.Unavailable, Detail: held.Error()}
	case errors.As(err, &missing):
		return refusal.Refusal{Code: refusal.Unknown, Detail: missing.Error()}
	case errors.As(err, &large):
		return refusal.Refusal{Code: refusal.TooLarge, Field: "body", Detail: largeText(large)}
	case errors.As(err, &query):
		return refusal.Refusal{Code: refusal.Query, Field: "query", Detail: "query: " + query.detail}
	case errors.Is(err, errBody):
		return refusal.Refusal{Code: refusal.Incomplete, Field: "body", Detail: err.Error()}
	case errors.Is(err, inbound.ErrSlow):
		return refusal.Refusal{Code: refusal.Incomplete, Field: "body", Detail: err.Error()}
	case errors.Is(err, inbound.ErrBusy):
		return refusal.Refusal{Code: refusal.Busy, Detail: err.Error()}
	case errors.As(err, &reload):
		return refusal.Refusal{Code: refusal.Field, Detail: reload.Message}
	}
	return described
}

// largeText describes a body that is too large.
func largeText(e *http.MaxBytesError) string {
	return fmt.Sprintf("the body is larger than %d bytes", e.Limit)
}

// countedBody counts the bytes of a body that are read.
type countedBody struct {
	io.ReadCloser
	call *refusal.Call
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.call.Size.Add(int64(n))
	return n, err
}

// setCall tells the call of a request which source it is for. It must come before anything of the body is read.
func (p SourcePolicy) setCall(r *http.Request) {
	call := refusal.CallOf(r.Context())
	if call == nil {
		return
	}
	call.Source = cmp.Or(p.Source, call.Source)
	if p.KeepRefusedBodies && r.Body != nil {
		r.Body = &keptBody{ReadCloser: r.Body, call: call}
	}
}

// maxKeptBody bounds the part of a body that is kept, in bytes.
const maxKeptBody = 16 << 10

// keptBody keeps the beginning of a body for the record of its refusal.
type keptBody struct {
	io.ReadCloser
	call *refusal.Call
	kept []byte
}

// Read implements io.Reader.
func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.kept = append(b.kept, p[:min(n, maxKeptBody-len(b.kept))]...)
	b.call.KeepBody(b.kept)
	return n, err
}
