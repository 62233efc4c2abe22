package app

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/sqs"
)

// queues are the SQS queues of the program. They are opened at the start; a change of them needs a restart.
type queues struct {
	sources
	depths      map[string]queueDepth               // by source
	states      map[string]*queueState              // by source
	deadLetters map[string]handlers.DeadLetterQueue // by source
}

// openQueues opens the queues of requests and decisions.
func (a *App) openQueues() (*queues, error) {
	q := &queues{
		depths:      map[string]queueDepth{},
		states:      map[string]*queueState{},
		deadLetters: map[string]handlers.DeadLetterQueue{},
	}
	for _, name := range sortedNames(a.config.Workflows) {
		settings := a.config.Workflows[name].Requests.SQS
		if settings == nil {
			continue
		}
		intake := func() context.Context { return a.controls.Intake(name) }
		source, err := a.openQueue(q, requestSource(name), *settings, nil, intake)
		if err != nil {
			return nil, err
		}
		q.requests = append(q.requests, source)
	}
	for _, name := range sortedNames(a.config.Decisions) {
		d := a.config.Decisions[name]
		source, err := a.openQueue(q, decisionSource(name), d.SQS, &d, a.controls.DecisionIntake)
		if err != nil {
			return nil, err
		}
		q.decisions = append(q.decisions, source)
	}
	return q, nil
}

// openQueue makes the source of a queue. If there is a topic, the queue is subscribed to it. Intake is that of sqs.Config.
func (a *App) openQueue(
	q *queues, name string, s sqs.Settings, topic *config.Decision, intake func() context.Context,
) (router.Source, error) {
	api, err := a.aws.sqsAPI()
	if err != nil {
		return router.Source{}, err
	}
	state := &queueState{Observer: a.metrics.QueueMetrics(name)}
	c := sqs.Config{
		Limits:       s.Limits,
		AwaitQueue:   true,
		Intake:       intake,
		CloseTimeout: a.config.Shutdown.Timeout * 2 / 5,
		Observer:     state,
		Logger:       a.log.With("source", name),
	}
	if topic != nil {
		c.UnwrapSNS, c.TopicARNs = true, []string{topic.Topic}
		if topic.Subscribe {
			c.Prepare = func(ctx context.Context) error {
				if err := a.aws.subscribe(ctx, topic.Topic, s.Queue); err != nil {
					return fmt.Errorf("subscribe it to its topic: %w", err)
				}
				return nil
			}
		}
	}
	subscriber, err := sqs.New(api, c)
	if err != nil {
		return router.Source{}, fmt.Errorf("queue of %s: %w", name, err)
	}
	q.states[name] = state
	q.depths[name] = queueDepth{api, s.Queue}
	source := router.Source{
		Name:        name,
		Topic:       s.Queue,
		Subscriber:  subscriber,
		Handle:      a.handle(name),
		DeadLetters: a.store,
	}
	if s.DeadLetterQueue != "" {
		dlq := sqs.NewDeadLetterQueue(api, s.DeadLetterQueue, s.Queue)
		q.deadLetters[name], source.DeadLetters = dlq, dlq
	}
	return source, nil
}

// queueState knows whether the last receive from a queue failed, or the queue could not even be found.
type queueState struct {
	sqs.Observer
	failing atomic.Bool
}

// ReceiveSucceeded implements sqs.Observer.
func (s *queueState) ReceiveSucceeded(messages int) {
	s.failing.Store(false)
	s.Observer.ReceiveSucceeded(messages)
}

// ReceiveFailed implements sqs.Observer.
func (s *queueState) ReceiveFailed() {
	s.failing.Store(true)
	s.Observer.ReceiveFailed()
}

// describeReadiness returns what a ready program lacks: the sources with a queue that cannot be received from, a sign-in
// that cannot work until the configuration is corrected, and what operators have drained or paused. The program stays
// ready, because links, the API and all other sources are served, and a load balancer must not take them away.
func (a *App) describeReadiness() []string {
	var failing []string
	for _, name := range sortedNames(a.queues.states) {
		if a.queues.states[name].failing.Load() {
			failing = append(failing, "receiving fails: "+name)
		}
	}
	if fault := a.signInFault(); fault != nil {
		failing = append(failing, "nobody can sign in: "+fault.Error())
	}
	failing = append(failing, a.describeRestored()...)
	return append(failing, a.describeControls()...)
}
