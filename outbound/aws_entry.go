package outbound

import (
	"net/http"
	"slices"
)

// JudgeEntry returns the outcome of one entry of a batch, such as an event of PutEvents. The call of the batch
// succeeded, and its answer has an error code for each entry that failed; an empty code is success. The outcome is
// that of a call with the same error code: Permanent codes are Permanent, a failure of the service may have applied
// the entry, and any other code is NotApplied.
func JudgeEntry(code string, codes Codes) error {
	if code == "" {
		return nil
	}
	e := &apiError{code: "UnknownError", status: http.StatusBadRequest, requestID: "unknown"}
	if isIdentifier(code) {
		e.code = code
	}
	if slices.Contains([]string{"InternalFailure", "InternalException", "InternalError", "ServiceUnavailable"}, e.code) {
		e.status = http.StatusInternalServerError
	}
	return e.judge(codes)
}
