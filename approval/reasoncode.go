package approval

import (
	"errors"
	"strconv"
	"strings"
)

// ReasonCode names the reason of a failure: lower case, short and stable. It is stored beside the error's text.
// Operators count and redrive by the code, because the texts of two failures with the same reason may differ.
//
// The set of codes is bounded, and a code never contains data of a request. Beside the constants there are codes with a
// variable part, such as "http_404", "invalid_field:order" and "decision_refused:late", and the AWS error codes that a
// target lists, such as "invalid_output".
type ReasonCode string

const (
	// ReasonUnknown is the code of an error without one, and of a record that an older version wrote.
	ReasonUnknown ReasonCode = "unknown"
	// ReasonResultNotRecorded is the code of an attempt that ended without a recorded result, as in a crash.
	ReasonResultNotRecorded ReasonCode = "result_not_recorded"
	// ReasonTokenErased means that the approval no longer has its task token.
	ReasonTokenErased ReasonCode = "token_erased"
	// ReasonTaskClosed means that the workflow no longer waits.
	ReasonTaskClosed ReasonCode = "task_closed"
	// ReasonNotFound is the code of ErrNotFound.
	ReasonNotFound ReasonCode = "not_found"
	// ReasonOrderFull is the code of OrderFullError.
	ReasonOrderFull ReasonCode = "order_full"
	// ReasonInvalidToken means that the task token cannot be one of the target's.
	ReasonInvalidToken ReasonCode = "invalid_token"
	// ReasonInvalidAnswer means that the target cannot carry this answer.
	ReasonInvalidAnswer ReasonCode = "invalid_answer"
	// ReasonNotConfigured means that a target or channel is not in the configuration, or cannot do this.
	ReasonNotConfigured ReasonCode = "not_configured"

	// ReasonConnectionFailed means that no byte was sent.
	ReasonConnectionFailed ReasonCode = "connection_failed"
	// ReasonNoAnswer means that the connection broke, or the time was up, before a valid answer came.
	ReasonNoAnswer ReasonCode = "no_answer"
	// ReasonAddressForbidden means that the guard refused the address of a URL.
	ReasonAddressForbidden ReasonCode = "address_forbidden"
	// ReasonDenied means that AWS refused our credentials, or that there were none.
	ReasonDenied ReasonCode = "denied"
	// ReasonThrottled means that AWS asks for fewer calls.
	ReasonThrottled ReasonCode = "throttled"
	// ReasonRateLimited means that our own rate limit had no slot in time.
	ReasonRateLimited ReasonCode = "rate_limited"
	// ReasonNoCapacity means that the largest allowed number of calls was already in progress, or that the time of an
	// attempt was over before its call could be made.
	ReasonNoCapacity ReasonCode = "no_capacity"
	// ReasonCircuitOpen means that the circuit breaker was open, for a failure that is not known. If it is known, the
	// code is the failure's.
	ReasonCircuitOpen ReasonCode = "circuit_open"

	// ReasonReceivedTooOften means that SQS moved the message to its dead letter queue, by maxReceiveCount.
	ReasonReceivedTooOften ReasonCode = "received_too_often"
)

// CodedError is an error with a reason code.
type CodedError interface {
	error
	ReasonCode() ReasonCode
}

// WithReasonCode gives err a reason code. A nil error stays nil.
func WithReasonCode(code ReasonCode, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{error: err, code: code}
}

type codedError struct {
	error
	code ReasonCode
}

func (e *codedError) Unwrap() error { return e.error }

// ReasonCode implements CodedError.
func (e *codedError) ReasonCode() ReasonCode { return e.code }

// ReasonCodeOf returns the code of the outermost CodedError in the tree of err, or ReasonUnknown.
func ReasonCodeOf(err error) ReasonCode {
	if coded, ok := errors.AsType[CodedError](err); ok {
		return coded.ReasonCode().OrUnknown()
	}
	return ReasonUnknown
}

// OrUnknown returns the code, or ReasonUnknown if it is empty.
func (c ReasonCode) OrUnknown() ReasonCode {
	if c == "" {
		return ReasonUnknown
	}
	return c
}

// ParseReasonCode returns the text as a code, or ReasonUnknown if it does not have the form of a code. It is for texts
// that another system kept for us, such as the attributes of a message in a queue.
func ParseReasonCode(text string) ReasonCode {
	if code := NamedReasonCode(text); string(code) == text {
		return code
	}
	return ReasonUnknown
}

// HTTPReasonCode returns the code of a refusal by this HTTP status, such as "http_404".
func HTTPReasonCode(status int) ReasonCode {
	if status < 100 || status > 999 {
		return ReasonUnknown
	}
	return ReasonCode("http_" + strconv.Itoa(status))
}

// NamedReasonCode returns the name of a field or error in the form of a reason code: "InvalidOutput" gives
// "invalid_output". The name must be one of ours or of a documented set, never data of a request.
func NamedReasonCode(name string) ReasonCode {
	var out strings.Builder
	afterLower := false
	for _, r := range name {
		isUpper := r >= 'A' && r <= 'Z'
		isLower := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		switch {
		case isUpper && afterLower:
			out.WriteByte('_')
			fallthrough
		case isUpper:
			out.WriteRune(r - 'A' + 'a')
		case isLower || r == '.' || r == ':' || r == '_':
			out.WriteRune(r)
		default:
			out.WriteByte('_')
		}
		afterLower = isLower
	}
	const maxLength = 60
	return ReasonCode(out.String()[:min(out.Len(), maxLength)]).OrUnknown()
}
