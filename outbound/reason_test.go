package outbound_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// Errors of AWS have a code from a bounded set: a code that nobody lists counts by its HTTP status.
func TestReasonCodeOfAWS(t *testing.T) {
	t.Parallel()
	codes := outbound.Codes{Closed: []string{"TaskTimedOut"}, Permanent: []string{"InvalidOutput", "ValidationException"}}
	for _, c := range []struct {
		status int
		code   string
		want   approval.ReasonCode
	}{
		{400, "TaskTimedOut", approval.ReasonTaskClosed},
		{400, "InvalidOutput", "invalid_output"},
		{400, "ValidationException", "validation_exception"},
		{400, "ThrottlingException", approval.ReasonThrottled},
		{503, "SlowDown", approval.ReasonThrottled},
		{429, "Whatever", approval.ReasonThrottled},
		{400, "AccessDeniedException", approval.ReasonDenied},
		{403, "Whatever", approval.ReasonDenied},
		{400, "ada@example.com", "http_400"},
		{404, "UnknownOperationException", "http_404"},
		{500, "InternalFailure", "http_500"},
	} {
		failure := &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: c.status}},
			Err:      &smithy.GenericAPIError{Code: c.code, Message: "ada@example.com"},
		}}
		if got := approval.ReasonCodeOf(send(t, failure, codes)); got != c.want {
			t.Errorf("%d %s: %q, not %q", c.status, c.code, got, c.want)
		}
	}
	if got := approval.ReasonCodeOf(send(t, errors.New("reset"), codes)); got != approval.ReasonNoAnswer {
		t.Errorf("a broken connection: %q", got)
	}
}

// send makes a call that fails with an error of the SDK.
func send(t *testing.T, failure error, codes outbound.Codes) error {
	t.Helper()
	type options struct{}
	service := outbound.Service[options]{
		Prepare: func(*options, *outbound.Call) {},
		Codes:   codes,
		Timeout: time.Minute,
	}
	operation := func(context.Context, *string, ...func(*options)) (*string, error) { return nil, failure }
	_, err := outbound.SendOnce(t.Context(), service, operation, new(string))
	return err
}

func TestReasonCodeOfStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]approval.ReasonCode{
		302: "http_302",
		404: "http_404",
		409: approval.ReasonTaskClosed,
		429: "http_429",
		503: "http_503",
	} {
		err := outbound.JudgeStatus(&http.Response{StatusCode: status}, time.Now(), http.StatusConflict)
		if got := approval.ReasonCodeOf(err); got != want {
			t.Errorf("%d: %q, not %q", status, got, want)
		}
	}
}
