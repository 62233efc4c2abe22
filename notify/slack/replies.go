package slack

import (
	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
)

// refusalReason returns the reason why a decision did not count.
func refusalReason(v approval.Verdict) string {
	switch v.Code {
	case approval.VerdictNotApprover:
		return "You are not asked to decide this. Nothing has changed."
	case approval.VerdictRequester:
		return "You requested this yourself, so another person must decide it. Nothing has changed."
	case approval.VerdictAssurance:
		return "This needs a more secure way than Slack: please open the request and sign in. Nothing has changed."
	case approval.VerdictConflict:
		return "Your decision does not count: it contradicts an earlier decision. Nothing has changed."
	case approval.VerdictLate:
		return "Your decision came too late: this has timed out or was cancelled. Nothing has changed."
	case approval.VerdictSuperseded:
		return "The workflow has requested the approval again: please decide in the newer message. Nothing has changed."
	}
	return "This can no longer be decided here. Nothing has changed."
}

// privateReply returns a message that Slack shows only to the person who pressed.
func privateReply(text string) *slack.WebhookMessage {
	return &slack.WebhookMessage{ResponseType: slack.ResponseTypeEphemeral, Text: text}
}
