package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/webhook"
)

// confirmFunc confirms the subscription to a topic.
type confirmFunc func(ctx context.Context, topic, token string) error

// openSNS returns the function that takes notifications of SNS out of their envelope, and confirms subscriptions. Only an
// envelope that is wrong is refused: SNS does not send a message again that was answered with a 4xx.
func openSNS(
	v webhook.Envelope, confirm confirmFunc, log *slog.Logger, now func() time.Time,
) func(context.Context, []byte) ([]byte, map[string]string, error) {
	unverified := rate.Sometimes{First: 1, Interval: time.Minute} // strangers can send any number of such messages
	return func(ctx context.Context, body []byte) ([]byte, map[string]string, error) {
		m, err := v.Open(ctx, now(), body)
		for _, refusal := range []error{webhook.ErrMissing, webhook.ErrMalformed, webhook.ErrMismatch, webhook.ErrStale} {
			if errors.Is(err, refusal) {
				return nil, nil, api.InvalidCredential(err)
			}
		}
		switch {
		case err != nil:
			unverified.Do(func() { log.WarnContext(ctx, "message of SNS cannot be verified now", "error", err) })
			return nil, nil, unavailable("the certificate of SNS could not be fetched", err)
		case m.Type == webhook.SNSConfirmation:
			if err := confirm(ctx, m.TopicARN, m.Token); err != nil {
				log.WarnContext(ctx, "subscription not confirmed", "topic", m.TopicARN, "error", err)
				return nil, nil, unavailable("the subscription to the topic could not be confirmed", err)
			}
			log.InfoContext(ctx, "subscription confirmed", "topic", m.TopicARN)
			return nil, nil, nil
		case m.Type == webhook.SNSUnsubscribed:
			log.WarnContext(ctx, "unsubscribed from a topic: its decisions are no longer received", "topic", m.TopicARN)
			return nil, nil, nil
		}
		return []byte(m.Message), map[string]string{
			metadata.SNSMessageID: m.ID, metadata.SentAt: m.Timestamp.Format(time.RFC3339Nano),
		}, nil
	}
}

// unavailable returns a temporary error with a detail for the list of refusals.
func unavailable(detail string, err error) error {
	return fmt.Errorf("%w: %w", &refusal.Error{Code: refusal.Unavailable, Detail: detail}, err)
}

// regionOf returns the region in an ARN.
func regionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}
