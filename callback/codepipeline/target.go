// Package codepipeline is the target of manual approval actions in AWS CodePipeline.
package codepipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/untrusted"
)

// MaxSummary is the longest summary, in characters
// (https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ApprovalResult.html).
const MaxSummary = 512

// API is the part of codepipeline.Client that a target uses.
type API interface {
	PutApprovalResult(
		context.Context, *codepipeline.PutApprovalResultInput, ...func(*codepipeline.Options),
	) (*codepipeline.PutApprovalResultOutput, error)
}

// Config configures a Target.
type Config struct {
	// Limit is the rate limit of an account and region. Targets of the same account and region share it.
	Limit setup.Limiter
	// Timeout bounds the wait for the rate limit, and then the call. Zero means callback.DefaultTimeout.
	Timeout time.Duration
}

// Target answers approval actions. The token of an approval is "PIPELINE/STAGE/ACTION/TOKEN", because the API requires
// all four; names contain no slash. It is safe for concurrent use.
type Target struct {
	api     API
	limit   setup.Limiter
	service outbound.Service[codepipeline.Options]
}

// NewTarget returns a Target that answers through api.
func NewTarget(api API, c Config) *Target {
	if c.Timeout <= 0 {
		c.Timeout = callback.DefaultTimeout
	}
	return &Target{
		api:   api,
		limit: c.Limit,
		service: outbound.Service[codepipeline.Options]{
			Prepare: func(o *codepipeline.Options, call *outbound.Call) {
				o.Retryer = aws.NopRetryer{}
				o.HTTPClient = call.ObserveClient(o.HTTPClient)
			},
			Codes: outbound.Codes{
				// The token is invalid if it belongs to an earlier approval than the open approval: the earlier has ended.
				Closed: []string{"ApprovalAlreadyCompletedException", "InvalidApprovalTokenException"},
				// An action that is not found was renamed, or is in another region or account. A retry does not find it. An
				// operator sees the refusal, and can redrive it.
				Permanent: []string{
					"PipelineNotFoundException", "StageNotFoundException", "ActionNotFoundException",
					"ValidationException", "SerializationException",
				},
			},
			Timeout: c.Timeout,
		},
	}
}

// Deliver answers the action with Approved, or with Rejected for every other status, and with a summary. See
// outbound.SendOnce for the meaning of the errors.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	in, err := newInput(a)
	if err != nil {
		return callback.ForOrder("answer the pipeline", a, err)
	}
	err = callback.SendWithinLimit(ctx, t.limit, t.service, t.api.PutApprovalResult, in)
	return callback.ForOrder("PutApprovalResult", a, err)
}

// ValidateToken implements callback.TokenTarget.
func (*Target) ValidateToken(token string) error {
	if _, err := splitToken(token); err != nil {
		return errors.New("is not PIPELINE/STAGE/ACTION/TOKEN")
	}
	return callback.CheckToken(token)
}

// splitToken returns the parts of a token: the pipeline, the stage, the action and the token of the approval.
func splitToken(token string) ([]string, error) {
	parts := strings.Split(token, "/")
	if len(parts) != 4 || slices.Contains(parts, "") {
		return nil, callback.InvalidToken("the token is not PIPELINE/STAGE/ACTION/TOKEN")
	}
	return parts, nil
}

func newInput(a approval.Answer) (*codepipeline.PutApprovalResultInput, error) {
	parts, err := splitToken(a.Token.Reveal())
	if err != nil {
		return nil, err
	}
	if _, err := callback.ErrorName(a); err != nil {
		return nil, err
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
		Result:       &types.ApprovalResult{Status: status, Summary: aws.String(summarizeDecision(a))},
	}, nil
}

// summarizeDecision returns the status with the approver and the comment of the deciding vote, or with the reason if there was
// no decision, in at most MaxSummary characters.
func summarizeDecision(a approval.Answer) string {
	text := strings.ReplaceAll(string(a.Status), "_", " ")
	if v := approval.DecidingVote(a.Status, a.Votes); v != nil {
		if text += " by " + v.By; v.Comment != "" {
			text += ": " + v.Comment
		}
	} else if a.Reason != "" {
		text += ": " + a.Reason
	}
	return untrusted.Shorten(strings.ToValidUTF8(text, "\uFFFD"), MaxSummary)
}
