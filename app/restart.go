package app

import (
	"reflect"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/sqs"
)

// restartFields names the settings that differ and cannot be changed while the program runs.
func restartFields(running, c *config.Config) []string {
	var fields []string
	compare := func(field string, before, after any) {
		if !reflect.DeepEqual(before, after) {
			fields = append(fields, field)
		}
	}
	compare("log.format", running.Log.Format, c.Log.Format)
	compare("public.listen", running.Public.Listen, c.Public.Listen)
	compare("public.url", running.Public.URL, c.Public.URL)
	compare("public.tls", running.Public.TLS != nil, c.Public.TLS != nil) // its files and settings can be changed
	compare("operator.tls", running.Operator.TLS != nil, c.Operator.TLS != nil)
	compare("operator.listen", running.Operator.Listen, c.Operator.Listen)
	compare("store", running.Store, c.Store)
	compare("keys", running.Keys, c.Keys)
	compare("aws", running.AWS, c.AWS)
	compare("metrics", running.Metrics, c.Metrics)
	compare("tracing", running.Tracing, c.Tracing)
	compare("shutdown", running.Shutdown, c.Shutdown)
	compare("unmatched", running.Unmatched, c.Unmatched)
	before, after := requestQueues(running), requestQueues(c)
	for _, name := range sortedNames(union(before, after)) {
		compare("workflows."+name+".requests.sqs", before[name], after[name])
	}
	topicsBefore, topicsAfter := decisionQueues(running), decisionQueues(c)
	for _, name := range sortedNames(union(topicsBefore, topicsAfter)) {
		compare("decisions."+name, topicsBefore[name], topicsAfter[name])
	}
	return fields
}

// requestQueues returns the queues of requests, by workflow.
func requestQueues(c *config.Config) map[string]sqs.Settings {
	queues := map[string]sqs.Settings{}
	for name, w := range c.Workflows {
		if w.Requests.SQS != nil {
			queues[name] = *w.Requests.SQS
		}
	}
	return queues
}

// decisionQueues returns the topics and queues of decisions, by source. The fields of decisions can be changed.
func decisionQueues(c *config.Config) map[string]config.Decision {
	queues := map[string]config.Decision{}
	for name, d := range c.Decisions {
		queues[name] = config.Decision{Topic: d.Topic, Subscribe: d.Subscribe, SQS: d.SQS}
	}
	return queues
}

// union returns a map with the names of both maps.
func union[V any](a, b map[string]V) map[string]bool {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	return names
}
