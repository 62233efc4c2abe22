package handlers

import (
	"errors"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store"
)

// DescribeRefusal returns the code, the field and the detail of the error of a message, for the record of refusals. The
// detail of a temporary error is general, because its text is for the log.
func DescribeRefusal(err error) refusal.Refusal {
	if e, ok := errors.AsType[*refusal.Error](err); ok {
		return refusal.Refusal{Code: e.Code, Field: e.Field, Detail: e.Detail}
	}
	out := refusal.Refusal{Code: refusal.Unavailable, Detail: "the message could not be handled in time, or the store did not answer"}
	if field, ok := errors.AsType[*approval.FieldError](err); ok {
		out = refusal.Refusal{Code: codeOfField(field), Field: field.Field, Detail: field.Error()}
	}
	_, isRefused := errors.AsType[*approval.RefusalError](err)
	full, isFull := errors.AsType[*approval.OrderFullError](err)
	readOnly, isReadOnly := errors.AsType[*store.ReadOnlyError](err)
	switch {
	case isRefused:
		if out.Code != refusal.Missing { // a person who is not named is missing, and not wrong
			out.Code = refusal.Decision
		}
		out.Detail = err.Error()
	case isFull:
		out.Code = refusal.Busy
		out.Detail = full.Error()
	case isReadOnly:
		out.Detail = readOnly.Error()
	case errors.Is(err, approval.ErrNotFound):
		out.Code = refusal.Unknown
		out.Detail = "the order is not in the store"
	case out.Code == refusal.Unavailable && approval.IsPermanent(err):
		out.Code = refusal.Field
		out.Detail = err.Error()
	}
	return out
}

// codeOfField returns the code of an invalid field.
func codeOfField(e *approval.FieldError) refusal.Code {
	switch {
	case e.Field == "query":
		return refusal.Query
	case e.Field == "body":
		return refusal.Format
	case strings.HasPrefix(e.Reason, "is missing"):
		return refusal.Missing
	}
	return refusal.Field
}
