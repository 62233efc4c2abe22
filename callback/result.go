package callback

import (
	"errors"

	"github.com/approval-relay/approval-relay/approval"
)

// Result is an answer in the form of the AWS APIs: a success with an output, or a failure with the name of an error and
// a cause.
type Result struct {
	ErrorName string // empty for a success
	JSON      string // the output or the cause, see FitAnswer
}

// NewResult returns the result of an approval, with an output or a cause of at most so many bytes. A failure drops the
// configured additions if they do not fit, a success does not. The error is Permanent.
func NewResult(a approval.Answer, maxOutput, maxCause int) (Result, error) {
	name, err := ErrorName(a)
	if err != nil {
		return Result{}, err
	}
	limit := maxOutput
	if name != "" {
		limit = maxCause
	}
	text, err := FitAnswer(a, "", limit, name != "")
	if err != nil {
		return Result{}, approval.Permanent(err)
	}
	return Result{ErrorName: name, JSON: string(text)}, nil
}

// errPending is the error of an answer that was asked for too early.
var errPending = approval.Permanent(
	approval.WithReasonCode(approval.ReasonInvalidAnswer, errors.New("a pending approval has no answer")))

// The errors by which a workflow can catch the end of an approval.
const (
	ErrorDenied     = "ApprovalDenied"
	ErrorReturned   = "ApprovalReturned"
	ErrorTimedOut   = "ApprovalTimedOut"
	ErrorCancelled  = "ApprovalCancelled"
	ErrorSuperseded = "ApprovalSuperseded"
)

// ErrorName returns the error by which a workflow can catch the end of an approval. It is empty for a success. The error
// is Permanent: the approval is pending.
func ErrorName(a approval.Answer) (string, error) {
	switch a.Status {
	case approval.Approved:
		return "", nil
	case approval.Rejected:
		if a.RejectAsSuccess {
			return "", nil
		}
		return ErrorDenied, nil
	case approval.Returned:
		if a.RejectAsSuccess {
			return "", nil
		}
		return ErrorReturned, nil
	case approval.TimedOut:
		return ErrorTimedOut, nil
	case approval.Cancelled:
		return ErrorCancelled, nil
	case approval.Superseded:
		return ErrorSuperseded, nil
	case approval.Pending:
	}
	return "", errPending
}
