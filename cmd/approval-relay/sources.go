package main

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/sqs"
)

// sources are all ways in, as the router wants them.
type sources struct {
	requests, decisions []router.Source
	queues              map[string]handlers.DeadLetterQueue // dead letter queues, by source
}

func (r *relay) sources(ctx context.Context, urls validURLs) (*sources, error) {
	out := &sources{queues: map[string]handlers.DeadLetterQueue{}}
	for _, name := range sorted(r.config.Workflows) {
		w := r.config.Workflows[name]
		workflow, err := compileWorkflow(name, w)
		if err != nil {
			return nil, err
		}
		workflow.People, workflow.Rooms = r.config.people(), r.config.rooms()
		h := &handlers.Request{
			Workflow:    workflow,
			Transitions: r.transitions,
			Decode:      expression.DecodeJSON,
			ValidURL:    urls[workflow.URLTarget],
		}
		out.requests = append(out.requests, router.Source{
			Name:       requestName(name) + httpSuffix,
			Topic:      api.RequestTopic(name),
			Subscriber: r.ingress,
			Handle:     h.Handle,
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
			Source: handlers.Source{Name: name, Via: via, Fields: f}, Decider: r.decider, Decode: expression.DecodeJSON,
		}
		if via == approval.ViaWebhook {
			h.Form = expression.DecodeForm
		}
		if topic != "" {
			out.decisions = append(out.decisions, router.Source{
				Name:       decisionName(name),
				Topic:      topic,
				Subscriber: r.ingress,
				Handle:     h.Handle,
			})
		}
		return h.Handle, nil
	}
	if _, err := add("api", approval.ViaAPI, decisionFields(), "", api.DecisionTopic()); err != nil {
		return err
	}
	for _, name := range sorted(r.config.Webhooks) {
		if _, err := add(name, approval.ViaWebhook, r.config.Webhooks[name].Fields, r.config.Webhooks[name].Filter, api.WebhookTopic(name)); err != nil {
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
		Concurrency:  q.Concurrency,
		Pollers:      q.Pollers,
		Visibility:   q.Visibility,
		CloseTimeout: r.config.Shutdown.Timeout * 2 / 5,
		Observer:     r.metrics.SQS(name),
		Logger:       r.log.With("source", name),
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
	r.depths[name] = depth{client, q.Queue}
	source := router.Source{
		Name:        name,
		Topic:       q.Queue,
		Subscriber:  sub,
		Handle:      handle,
		DeadLetters: r.store,
	}
	if q.DeadLetterQueue != "" {
		dlq := sqs.NewDeadLetterQueue(client, q.DeadLetterQueue, q.Queue)
		out.queues[name], source.DeadLetters = dlq, dlq
	}
	return source, nil
}
