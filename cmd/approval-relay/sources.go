package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/webhook"
)

// sources are all ways in, as the router wants them.
type sources struct {
	requests, decisions []router.Source
	queues              map[string]handlers.Queue // dead letter queues, by source
}

func (r *relay) sources(ctx context.Context, urls validURLs) (*sources, error) {
	out := &sources{queues: map[string]handlers.Queue{}}
	for _, name := range sorted(r.config.Workflows) {
		w := r.config.Workflows[name]
		workflow, err := compileWorkflow(name, w)
		if err != nil {
			return nil, err
		}
		workflow.People, workflow.Rooms = r.config.people(), r.config.rooms()
		h := &handlers.Request{Workflow: workflow, Transitions: r.transitions, Decode: expression.Decode, ValidURL: urls[workflow.URLTarget]}
		out.requests = append(out.requests, router.Source{
			Name: requestName(name) + httpSuffix, Topic: router.RequestTopic(name), Subscriber: r.ingress, Handle: h.Handle,
		})
		if w.Requests.SQS == nil {
			continue
		}
		source, err := r.queue(ctx, out, requestName(name), *w.Requests.SQS, nil, h.Handle)
		if err != nil {
			return nil, err
		}
		out.requests = append(out.requests, source)
	}
	if err := r.decisionSources(ctx, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (r *relay) decisionSources(ctx context.Context, out *sources) error {
	add := func(name string, via approval.Via, e map[string]Expressions, filter, topic string) (message.NoPublishHandlerFunc, error) {
		f, err := compileDecision(name, e, filter)
		if err != nil {
			return nil, err
		}
		h := &handlers.Decision{
			Source: handlers.Source{Name: name, Via: via, Fields: f}, Decider: r.decider, Decode: expression.Decode,
		}
		if topic != "" {
			out.decisions = append(out.decisions, router.Source{Name: decisionName(name), Topic: topic, Subscriber: r.ingress, Handle: h.Handle})
		}
		return h.Handle, nil
	}
	if _, err := add("api", approval.ViaAPI, decisionFields(), "", router.APITopic()); err != nil {
		return err
	}
	for _, name := range sorted(r.config.Webhooks) {
		if _, err := add(name, approval.ViaWebhook, r.config.Webhooks[name].Fields, r.config.Webhooks[name].Filter, router.WebhookTopic(name)); err != nil {
			return err
		}
	}
	for _, name := range sorted(r.config.Decisions) {
		d := r.config.Decisions[name]
		handle, err := add(name, approval.ViaSNS, d.Fields, d.Filter, "")
		if err != nil {
			return err
		}
		source, err := r.queue(ctx, out, decisionName(name), d.SQS, &d, handle)
		if err != nil {
			return err
		}
		out.decisions = append(out.decisions, source)
	}
	return nil
}

// queue makes the source of one SQS queue. A topic, where there is one, is what
// the queue is subscribed to.
func (r *relay) queue(
	ctx context.Context, out *sources, name string, q QueueConfig, topic *DecisionConfig, handle message.NoPublishHandlerFunc,
) (router.Source, error) {
	client, err := r.aws.sqs(ctx)
	if err != nil {
		return router.Source{}, err
	}
	c := sqs.Config{
		Concurrency: q.Concurrency, Pollers: q.Pollers, Visibility: q.Visibility, CloseTimeout: r.config.Shutdown.Timeout * 2 / 5,
		Observer: r.metrics.SQS(name), Logger: r.log.With("source", name),
	}
	if topic != nil {
		c.UnwrapSNS, c.TopicARNs = true, []string{topic.Topic}
		if topic.Subscribe {
			if err := r.aws.subscribe(ctx, topic.Topic, q.Queue); err != nil {
				return router.Source{}, fmt.Errorf("subscribe %s: %w", name, err)
			}
		}
	}
	sub, err := sqs.New(client, c)
	if err != nil {
		return router.Source{}, fmt.Errorf("queue of %s: %w", name, err)
	}
	source := router.Source{Name: name, Topic: q.Queue, Subscriber: sub, Handle: handle, DeadLetters: r.letters}
	if q.DeadLetterQueue != "" {
		dlq := sqs.NewDeadLetterQueue(client, q.DeadLetterQueue, q.Queue)
		out.queues[name], source.DeadLetters = dlq, dlq
	}
	return source, nil
}

// webhookChecks makes the verifier of every webhook.
func webhookChecks(c *Config) (map[string]router.Check, error) {
	out := map[string]router.Check{}
	for _, name := range sorted(c.Webhooks) {
		v, err := verifier(c.Webhooks[name])
		if err != nil {
			return nil, fmt.Errorf("webhooks.%s: %w", name, err)
		}
		out[name] = check(v)
	}
	return out, nil
}

func check(v webhook.Verifier) router.Check {
	return func(h http.Header, body []byte) error { return v.Verify(time.Now(), h, body) }
}

// verifier makes the verifier that a webhook's configuration asks for: one line
// a scheme.
func verifier(w WebhookConfig) (webhook.Verifier, error) {
	switch {
	case w.HMAC != nil:
		h := w.HMAC
		return webhook.NewHMAC(webhook.HMACConfig{
			Header: h.Header, Prefix: h.Prefix, Encoding: h.Encoding, Secrets: reveal(h.Secrets),
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
	}
	return nil, errors.New("no scheme is configured")
}

func reveal(secrets []Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}
