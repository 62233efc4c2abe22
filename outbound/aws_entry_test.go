package outbound_test

import (
	"testing"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// The error code of an entry has the outcome that it has as the error of a call.
func TestJudgeEntry(t *testing.T) {
	t.Parallel()
	codes := outbound.Codes{Permanent: []string{"MalformedDetail"}}
	for _, c := range []struct {
		code   string
		kind   approval.ResultKind
		maybe  bool
		reason approval.ReasonCode
	}{
		{"", approval.ResultOK, false, ""},
		{"MalformedDetail", approval.ResultRefused, false, "malformed_detail"},
		{"ThrottlingException", approval.ResultFailed, false, approval.ReasonThrottled},
		{"AccessDeniedException", approval.ResultFailed, false, approval.ReasonDenied},
		{"SomethingNew", approval.ResultFailed, false, "http_400"},
		{"for ada@example.com", approval.ResultFailed, false, "http_400"},
		{"InternalFailure", approval.ResultFailed, true, "http_500"},
	} {
		err := outbound.JudgeEntry(c.code, codes)
		r := approval.ResultOf(err)
		if r.Kind != c.kind || r.MaybeApplied != c.maybe || r.ReasonCode != c.reason ||
			outbound.IsEndpointFailure(err) != c.maybe {
			t.Errorf("%q: %+v", c.code, r)
		}
	}
}
