package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// hopeless are the errors of chat.postMessage, chat.update and users.* that say
// that this message will never go there (https://docs.slack.dev/reference/methods/chat.postMessage,
// "Errors"). All others are tried again: a token can be renewed, a scope added.
var hopeless = []string{
	"channel_not_found", "not_in_channel", "is_archived", "user_not_found", "users_not_found", "user_not_visible", "user_disabled",
	"cannot_reply_to_message", "messages_tab_disabled", "restricted_action", "restricted_action_read_only_channel", "msg_too_long",
	"msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "invalid_arguments", "no_text", "cant_update_message",
	"edit_window_closed", "update_failed",
}

// judge says how an attempt ended, in words that hold neither a token nor a URL:
//
//   - throttled (429): again, after what Retry-After says; nothing was done;
//   - an error that Slack names: nothing was done; Permanent where it is hopeless;
//   - 4xx of a webhook, which was taken away: Permanent;
//   - 5xx, and no answer: again, and it may have been sent.
func judge(ctx context.Context, progress *outbound.Progress, err error) error {
	if err == nil {
		return nil
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return approval.RetryAfter(approval.NotApplied(errors.New("slack asks to wait")), limited.RetryAfter)
	}
	if said, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		named := fmt.Errorf("slack answered %.60q", said.Err)
		if slices.Contains(hopeless, said.Err) {
			return approval.Permanent(named)
		}
		return approval.NotApplied(named)
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		if said := fmt.Errorf("slack answered %d", status.Code); status.Code < 500 {
			return approval.Permanent(said)
		} else { //nolint:revive // the other end of one choice
			return said
		}
	}
	return progress.JudgeFailure(ctx, err)
}
