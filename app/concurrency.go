package app

import (
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/setup"
)

// concurrencyOf returns the calls at once that the settings of a channel or target allow.
func concurrencyOf(settings any) int {
	if n, ok := settings.(setup.Concurrent); ok {
		return n.CallsAtOnce()
	}
	return setup.DefaultConcurrency
}

// channelConcurrency returns the calls at once of each channel. A channel that a reload removed keeps its bound, because
// approvals that were requested before still name it.
func channelConcurrency(c *config.Config, previous *rules) map[string]int {
	bounds := map[string]int{}
	for name, channel := range c.Channels {
		bounds[name] = concurrencyOf(channel.Settings())
	}
	if previous != nil {
		keepRemoved(bounds, previous.channelConcurrency)
	}
	return bounds
}

// concurrency returns the most actions of a kind at the same time on a channel or target by the current rules.
func (a *App) concurrency(kind approval.ActionKind, output string) int {
	current := a.rules.Load()
	if current == nil { // nothing runs yet
		return setup.DefaultConcurrency
	}
	bounds := current.targets.concurrency
	if kind == approval.ActionNotify {
		bounds = current.channelConcurrency
	}
	if n, ok := bounds[output]; ok {
		return n
	}
	return setup.DefaultConcurrency // it is not configured, so nothing is called
}
