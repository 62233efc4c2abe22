package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/webhook"
)

// ways makes the way in of every webhook.
func (r *relay) ways() (map[string]router.Way, error) {
	out := map[string]router.Way{}
	for _, name := range sorted(r.config.Webhooks) {
		w := r.config.Webhooks[name]
		way := router.Way{MaxBody: int64(w.MaxBody), Turn: w.turn(), TrustID: w.Standard != nil || w.Bearer != nil || w.Client != nil}
		if w.SNS != nil {
			v, err := webhook.NewSNS(webhook.SNSConfig{Topics: w.SNS.Topics})
			if err != nil {
				return nil, fmt.Errorf("webhooks.%s.sns: %w", name, err)
			}
			way.Open = openSNS(v, r.aws.confirm, r.log.With("source", name))
			out[name] = way
			continue
		}
		v, err := verifier(w)
		if err != nil {
			return nil, fmt.Errorf("webhooks.%s: %w", name, err)
		}
		way.Check = check(v)
		out[name] = way
	}
	return out, nil
}

func check(v webhook.Verifier) router.Check {
	return func(h http.Header, body []byte) error { return v.Verify(time.Now(), h, body) }
}

// turn returns the turns of a source, or nil where it has no end of them.
func (w WebhookConfig) turn() func() (time.Duration, bool) {
	if w.Rate == 0 {
		return nil
	}
	limit := rate.NewLimiter(rate.Limit(w.Rate), w.Burst)
	return func() (time.Duration, bool) {
		turn := limit.Reserve()
		wait := turn.Delay()
		if wait > 0 {
			turn.Cancel()
		}
		return wait, wait == 0
	}
}

// snsVerifier is the part of webhook.SNS that is used.
type snsVerifier interface {
	Open(ctx context.Context, now time.Time, body []byte) (webhook.SNSMessage, error)
}

// openSNS takes notifications of SNS out of their envelope, and confirms
// subscriptions. Only what says no to the message is a refusal: SNS does not send
// again what got a 4xx.
func openSNS(v snsVerifier, confirm func(ctx context.Context, topic, token string) error, log *slog.Logger) func(context.Context, []byte) ([]byte, map[string]string, error) {
	return func(ctx context.Context, body []byte) ([]byte, map[string]string, error) {
		m, err := v.Open(ctx, time.Now(), body)
		for _, no := range []error{webhook.ErrMissing, webhook.ErrMalformed, webhook.ErrMismatch, webhook.ErrStale} {
			if errors.Is(err, no) {
				return nil, nil, router.Refused(err)
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
			handlers.MetaNotification: m.ID, handlers.MetaSent: m.Timestamp.Format(time.RFC3339Nano),
		}, nil
	}
}

// verifier makes the verifier of a webhook that is no envelope.
func verifier(w WebhookConfig) (webhook.Verifier, error) {
	switch {
	case w.HMAC != nil:
		h := w.HMAC
		return webhook.NewHMAC(webhook.HMACConfig{
			Algorithm: h.Algorithm, Header: h.Header, Prefix: h.Prefix, Encoding: h.Encoding, Secrets: reveal(h.Secrets),
			TimestampHeader: h.TimestampHeader, Tolerance: h.Tolerance,
		})
	case w.Bearer != nil:
		return webhook.NewBearer(reveal(w.Bearer.Tokens)...)
	case w.Standard != nil:
		return webhook.NewStandardAsymmetric(w.Standard.PublicKeys, reveal(w.Standard.Secrets))
	case w.GitHub != nil:
		return webhook.NewGitHub(reveal(w.GitHub.Secrets)...)
	case w.Slack != nil:
		return webhook.NewSlack(reveal(w.Slack.Secrets)...)
	case w.Stripe != nil:
		return webhook.NewStripe(w.Stripe.Header, reveal(w.Stripe.Secrets)...)
	case w.Client != nil:
		return webhook.NewCertificate(webhook.CertificateConfig{
			Header: w.Client.Header, Allowed: w.Client.Allowed, VerifiedHeader: w.Client.VerifiedHeader, VerifiedValue: w.Client.VerifiedValue,
		})
	}
	return nil, errors.New("no scheme is configured")
}

// checkScheme says what is wrong with how a webhook is verified.
func checkScheme(w WebhookConfig) error {
	if w.SNS != nil {
		_, err := webhook.NewSNS(webhook.SNSConfig{Topics: w.SNS.Topics})
		return err
	}
	_, err := verifier(w)
	return err
}

// regionOf is the region in an ARN.
func regionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}

func reveal(secrets []Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}
