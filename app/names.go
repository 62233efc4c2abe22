package app

import (
	"slices"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/refusal"
)

// metricNames lists the label values that the configuration gives.
func metricNames(c *config.Config) metrics.Config {
	names := metrics.Config{
		Workflows: sortedNames(c.Workflows),
		Channels:  sortedNames(c.Channels),
		Targets:   sortedNames(c.Targets),
		Sources: slices.Concat(
			[]string{"link", "sso", approval.OperatorSource, slack.Source, teams.Source},
			sortedNames(c.Decisions),
			sortedNames(c.Webhooks),
		),
		RefusingSources: refusal.FixedSources(),
		Histograms:      metrics.Histograms(c.Metrics.Histograms),

		Routes:        api.Routes(),
		Handlers:      []string{decisionSource("api")},
		AWSOperations: AWSOperations(),
	}
	slices.Sort(names.Sources)
	names.Sources = slices.Compact(names.Sources) // a webhook may be called teams
	for name := range c.Operator.APITokens {
		names.Sources = append(names.Sources, approval.APIPrincipal(name))
	}
	names.Groups = map[string][]string{}
	for name, w := range c.Workflows {
		names.Groups[name] = config.GroupsIn(w.Approvers)
		names.Handlers = append(names.Handlers, requestSource(name), requestSource(name)+httpSuffix)
		if w.Requests.SQS != nil {
			names.RefusingSources = append(names.RefusingSources, requestSource(name))
			names.Queues = append(names.Queues, requestSource(name))
		}
	}
	for name := range c.Decisions {
		names.RefusingSources = append(names.RefusingSources, decisionSource(name))
		names.Handlers = append(names.Handlers, decisionSource(name))
		names.Queues = append(names.Queues, decisionSource(name))
	}
	for name := range c.Webhooks {
		names.RefusingSources = append(names.RefusingSources, decisionSource(name))
		names.Handlers = append(names.Handlers, decisionSource(name))
	}
	return names
}

// requestSource returns the name of a source of requests, as metrics, logs and dead letters have it.
func requestSource(workflow string) string { return "request-" + workflow }

// decisionSource returns the name of a source of decisions, as metrics, logs and dead letters have it.
func decisionSource(name string) string { return "decision-" + name }

// httpSuffix distinguishes POST /v1/requests from the queue of the same workflow.
const httpSuffix = "-http"
