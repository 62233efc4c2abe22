package outbound

import "github.com/approval-relay/approval-relay/approval"

// ReasonCode implements approval.CodedError. AWS has thousands of error codes, so they are grouped: throttled, denied,
// or by HTTP status. Only a Permanent code of the service keeps its name, see Call.judgeError.
func (e *apiError) ReasonCode() approval.ReasonCode {
	switch {
	case e.isThrottled():
		return approval.ReasonThrottled
	case e.isDenied():
		return approval.ReasonDenied
	}
	return approval.HTTPReasonCode(e.status)
}
