// Package codepipeline answers the manual approvals of AWS CodePipeline.
package codepipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/untrusted"
)

// MaxSummary is the longest summary, in characters
// (https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ApprovalResult.html).
const MaxSummary = 512

// API is what we use of codepipeline.Client.
type API interface {
	PutApprovalResult(context.Context, *codepipeline.PutApprovalResultInput, ...func(*codepipeline.Options)) (*codepipeline.PutApprovalResultOutput, error)
}

// Config configures a Target.
type Config struct {
	// Limit holds all targets that share it to the quota of one account and region.
	Limit callback.Limiter
	// Timeout bounds the wait for the limiter, and then the call;
	// callback.DefaultTimeout if zero.
	Timeout time.Duration
}

// Target answers approval actions. An approval's token is "PIPELINE/STAGE/ACTION/TOKEN":
// the API wants all four, and names have no slash in them. It is safe for
// concurrent use.
type Target struct {
	api    API
	config Config
}

// New returns a Target that answers through api.
func New(api API, c Config) *Target {
	if c.Timeout <= 0 {
		c.Timeout = callback.DefaultTimeout
	}
	return &Target{api, c}
}

// Deliver answers the action: Approved, or Rejected for all else, with a summary
// of who decided, or why nobody did. What the errors mean is said at
// outbound.Call.Judge.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	in, err := read(a)
	if err != nil {
		return fmt.Errorf("answer the pipeline of order %.80q: %w", a.OrderID, err)
	}
	err = callback.Attempt(ctx, t.config.Limit, t.config.Timeout, codes(), func(ctx context.Context, c *outbound.Call) error {
		_, err := t.api.PutApprovalResult(ctx, in, func(o *codepipeline.Options) { o.Retryer, o.HTTPClient = aws.NopRetryer{}, c.Watch(o.HTTPClient) })
		return err
	})
	if err != nil {
		return fmt.Errorf("PutApprovalResult for order %.80q: %w", a.OrderID, err)
	}
	return nil
}

// Heartbeat does nothing: an approval action waits for seven days, and there is no
// sign of life to give.
func (*Target) Heartbeat(context.Context, approval.Answer) error { return nil }

func read(a approval.Answer) (*codepipeline.PutApprovalResultInput, error) {
	parts := strings.Split(a.Token.Reveal(), "/")
	if len(parts) != 4 || parts[0] == "" || parts[1] == "" || parts[2] == "" || parts[3] == "" {
		return nil, approval.Permanent(errors.New("the token is not PIPELINE/STAGE/ACTION/TOKEN"))
	}
	if a.Status == approval.Pending || a.Status == "" {
		return nil, approval.Permanent(errors.New("an approval that is pending has no answer"))
	}
	status := types.ApprovalStatusRejected
	if a.Status == approval.Approved {
		status = types.ApprovalStatusApproved
	}
	return &codepipeline.PutApprovalResultInput{
		PipelineName: &parts[0],
		StageName:    &parts[1],
		ActionName:   &parts[2],
		Token:        &parts[3],
		Result:       &types.ApprovalResult{Status: status, Summary: aws.String(summary(a))},
	}, nil
}

// summary says who decided, or why nobody did, in at most MaxSummary characters.
func summary(a approval.Answer) string {
	text := strings.ReplaceAll(string(a.Status), "_", " ")
	if n := len(a.Votes); n > 0 && (a.Status == approval.Approved || a.Status == approval.Rejected) {
		v := a.Votes[n-1]
		if text += " by " + v.By; v.Comment != "" {
			text += ": " + v.Comment
		}
	} else if a.Reason != "" {
		text += ": " + a.Reason
	}
	return untrusted.Shorten(strings.ToValidUTF8(text, "\uFFFD"), MaxSummary)
}

// codes are those of the API. A token of another approval than the one that is
// open is invalid: that one has ended.
func codes() outbound.Codes {
	return outbound.Codes{
		Closed:    []string{"ApprovalAlreadyCompletedException", "InvalidApprovalTokenException"},
		Permanent: []string{"ValidationException", "SerializationException"},
	}
}
