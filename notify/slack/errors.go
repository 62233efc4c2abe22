package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// isPermanent reports whether an error code of chat.postMessage, chat.update or users.* means that this message can never
// be sent (https://docs.slack.dev/reference/methods/chat.postMessage, "Errors"). Other errors are retried: an operator can
// renew a token or add a scope.
func isPermanent(code string) bool {
	return slices.Contains([]string{
		"channel_not_found", "not_in_channel", "is_archived", "user_not_found", "users_not_found", "user_not_visible",
		"user_disabled", "cannot_reply_to_message", "messages_tab_disabled", "restricted_action",
		"restricted_action_read_only_channel", "msg_too_long", "msg_blocks_too_long", "invalid_blocks",
		"invalid_blocks_format", "invalid_arguments", "no_text", "cant_update_message", "edit_window_closed",
		"update_failed",
	}, code)
}

// judgeError returns the outcome of a call to Slack, in words that contain neither a token nor a URL:
//
//   - throttled (429): NotApplied, retried after the time in Retry-After;
//   - an error code of Slack: NotApplied, or Permanent, see isPermanent;
//   - 4xx of a webhook (it was removed): Permanent;
//   - 5xx, and no answer: retried, and the message may have been sent.
func judgeError(ctx context.Context, progress *outbound.Progress, err error) error {
	if err == nil {
		return nil
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return approval.RetryAfter(approval.NotApplied(errors.New("slack asks to wait")), limited.RetryAfter)
	}
	if response, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		refusal := fmt.Errorf("slack answered %.60q", response.Err)
		if isPermanent(response.Err) {
			return approval.Permanent(refusal)
		}
		return approval.NotApplied(refusal)
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		refusal := fmt.Errorf("slack answered %d", status.Code)
		switch {
		case status.Code == http.StatusTooManyRequests: // without Retry-After
			return approval.NotApplied(refusal)
		case status.Code < 500:
			return approval.Permanent(refusal)
		}
		return refusal
	}
	return progress.JudgeFailure(ctx, err)
}
