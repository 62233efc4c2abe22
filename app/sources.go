package app

import (
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/router"
)

// sources are sources of messages, as the router takes them.
type sources struct {
	requests  []router.Source
	decisions []router.Source
}

// httpSources makes the sources of a configuration that HTTP endpoints feed.
func (a *App) httpSources(c *config.Config) sources {
	var s sources
	for _, name := range sortedNames(c.Workflows) {
		s.requests = append(s.requests, a.httpSource(requestSource(name)+httpSuffix, api.RequestTopic(name)))
	}
	s.decisions = append(s.decisions, a.httpSource(decisionSource("api"), api.DecisionTopic()))
	for _, name := range sortedNames(c.Webhooks) {
		s.decisions = append(s.decisions, a.httpSource(decisionSource(name), api.WebhookTopic(name)))
	}
	return s
}

func (a *App) httpSource(name, topic string) router.Source {
	return router.Source{
		Name:       name,
		Topic:      topic,
		Subscriber: a.ingress,
		Handle:     a.handle(name),
	}
}

// sourceHandlers returns the handler of every source, by the name of the source.
func (a *App) sourceHandlers(r *rules, p payloads) map[string]message.NoPublishHandlerFunc {
	byName := map[string]message.NoPublishHandlerFunc{}
	for _, name := range sortedNames(r.config.Workflows) {
		workflow := r.config.Compiled.Workflows[name]
		h := &handlers.Request{
			Workflow:      workflow,
			Transitions:   a.transitions,
			Decode:        expression.DecodeJSON,
			ValidateURL:   r.targets.validateURL[workflow.URLTarget],
			ValidateToken: r.targets.validateToken[workflow.TokenTarget],
		}
		byName[requestSource(name)+httpSuffix] = h.Handle
		if r.config.Workflows[name].Requests.SQS != nil {
			queued := *h
			queued.Load = p[requestSource(name)]
			byName[requestSource(name)] = queued.Handle
		}
	}
	byName[decisionSource("api")] = a.decisionHandler(r.config, "api", approval.ViaAPI, nil)
	for _, name := range sortedNames(r.config.Webhooks) {
		byName[decisionSource(name)] = a.decisionHandler(r.config, name, approval.ViaWebhook, nil)
	}
	for _, name := range sortedNames(r.config.Decisions) {
		source := decisionSource(name)
		byName[source] = a.decisionHandler(r.config, name, approval.ViaSNS, p[source])
	}
	return byName
}

func (a *App) decisionHandler(
	c *config.Config, name string, via approval.Via, load handlers.LoadMessage,
) message.NoPublishHandlerFunc {
	h := &handlers.Decision{
		Source:  handlers.DecisionSource{Name: name, Via: via, Fields: c.Compiled.Decisions[name]},
		Decider: a.decider,
		Decode:  expression.DecodeJSON,
		Load:    load,
	}
	return h.Handle
}
