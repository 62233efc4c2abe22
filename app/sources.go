package app

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/sqs"
)

// sources are all sources of messages, as the router takes them.
type sources struct {
	requests         []router.Source
	decisions        []router.Source
	deadLetterQueues map[string]handlers.DeadLetterQueue // by source
}

// makeSources makes the sources of requests and decisions: HTTP endpoints and queues.
func (a *App) makeSources(ctx context.Context, validateURL map[string]func(string) error) (*sources, error) {
	s := &sources{deadLetterQueues: map[string]handlers.DeadLetterQueue{}}
	for _, name := range sortedNames(a.config.Workflows) {
		workflow := a.config.Compiled.Workflows[name]
		h := &handlers.Request{
			Workflow:    workflow,
			Transitions: a.transitions,
			Decode:      expression.DecodeJSON,
			ValidateURL: validateURL[workflow.URLTarget],
		}
		s.requests = append(s.requests, router.Source{
			Name:       requestSource(name) + httpSuffix,
			Topic:      api.RequestTopic(name),
			Subscriber: a.ingress,
			Handle:     h.Handle,
		})
		queue := a.config.Workflows[name].Requests.SQS
		if queue == nil {
			continue
		}
		source, err := a.queueSource(ctx, s, requestSource(name), *queue, nil)
		if err != nil {
			return nil, err
		}
		source.Handle = h.Handle
		s.requests = append(s.requests, source)
	}
	return s, a.addDecisionSources(ctx, s)
}

func (a *App) addDecisionSources(ctx context.Context, s *sources) error {
	s.decisions = append(s.decisions, a.httpDecisionSource("api", approval.ViaAPI, api.DecisionTopic()))
	for _, name := range sortedNames(a.config.Webhooks) {
		s.decisions = append(s.decisions, a.httpDecisionSource(name, approval.ViaWebhook, api.WebhookTopic(name)))
	}
	for _, name := range sortedNames(a.config.Decisions) {
		d := a.config.Decisions[name]
		source, err := a.queueSource(ctx, s, decisionSource(name), d.SQS, &d)
		if err != nil {
			return err
		}
		source.Handle = a.decisionHandler(name, approval.ViaSNS)
		s.decisions = append(s.decisions, source)
	}
	return nil
}

func (a *App) httpDecisionSource(name string, via approval.Via, topic string) router.Source {
	return router.Source{
		Name:       decisionSource(name),
		Topic:      topic,
		Subscriber: a.ingress,
		Handle:     a.decisionHandler(name, via),
	}
}

func (a *App) decisionHandler(name string, via approval.Via) message.NoPublishHandlerFunc {
	h := &handlers.Decision{
		Source:  handlers.DecisionSource{Name: name, Via: via, Fields: a.config.Compiled.Decisions[name]},
		Decider: a.decider,
		Decode:  expression.DecodeJSON,
	}
	if via == approval.ViaWebhook {
		h.Form = expression.DecodeForm
	}
	return h.Handle
}

// queueSource makes the source of one SQS queue, without its handler. The topic, if there is one, is the one that the
// queue is subscribed to.
func (a *App) queueSource(ctx context.Context, s *sources, name string, q sqs.Settings, topic *config.Decision) (router.Source, error) {
	client, err := a.aws.sqsClient(ctx)
	if err != nil {
		return router.Source{}, err
	}
	c := sqs.Config{
		Concurrency:  q.Concurrency,
		Pollers:      q.Pollers,
		Visibility:   q.Visibility,
		CloseTimeout: a.config.Shutdown.Timeout * 2 / 5,
		Observer:     a.metrics.QueueMetrics(name),
		Logger:       a.log.With("source", name),
	}
	if topic != nil {
		c.UnwrapSNS, c.TopicARNs = true, []string{topic.Topic}
		if topic.Subscribe {
			if err := a.aws.subscribe(ctx, topic.Topic, q.Queue); err != nil {
				return router.Source{}, fmt.Errorf("subscribe %s: %w", name, err)
			}
		}
	}
	subscriber, err := sqs.New(client, c)
	if err != nil {
		return router.Source{}, fmt.Errorf("queue of %s: %w", name, err)
	}
	a.depths[name] = queueDepth{client, q.Queue}
	source := router.Source{
		Name:        name,
		Topic:       q.Queue,
		Subscriber:  subscriber,
		DeadLetters: a.store,
	}
	if q.DeadLetterQueue != "" {
		dlq := sqs.NewDeadLetterQueue(client, q.DeadLetterQueue, q.Queue)
		s.deadLetterQueues[name], source.DeadLetters = dlq, dlq
	}
	return source, nil
}
