package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/webhook"
)

// openSNS takes notifications of SNS out of their envelope, and confirms
// subscriptions. Only what says no to the message is a refusal: SNS does not send
// again what got a 4xx.
func openSNS(v webhook.Envelope, confirm func(ctx context.Context, topic, token string) error, log *slog.Logger) func(context.Context, []byte) ([]byte, map[string]string, error) {
	return func(ctx context.Context, body []byte) ([]byte, map[string]string, error) {
		m, err := v.Open(ctx, time.Now(), body)
		for _, no := range []error{webhook.ErrMissing, webhook.ErrMalformed, webhook.ErrMismatch, webhook.ErrStale} {
			if errors.Is(err, no) {
				return nil, nil, api.InvalidCredential(err)
			}
		}
		switch {
		case err != nil:
			log.WarnContext(ctx, "message of SNS cannot be verified now", "error", err)
			return nil, nil, err
		case m.Type == webhook.SNSConfirmation:
			if err := confirm(ctx, m.TopicARN, m.Token); err != nil {
				log.WarnContext(ctx, "subscription not confirmed", "topic", m.TopicARN, "error", err)
				return nil, nil, err
			}
			log.InfoContext(ctx, "subscription confirmed", "topic", m.TopicARN)
			return nil, nil, nil
		case m.Type == webhook.SNSUnsubscribed:
			log.WarnContext(ctx, "unsubscribed from a topic: its decisions no longer come here", "topic", m.TopicARN)
			return nil, nil, nil
		}
		return []byte(m.Message), map[string]string{
			metadata.SNSMessageID: m.ID, metadata.SentAt: m.Timestamp.Format(time.RFC3339Nano),
		}, nil
	}
}

// regionOf is the region in an ARN.
func regionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}
