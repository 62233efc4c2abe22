package app

import "github.com/approval-relay/approval-relay/approval"

// needsSecond returns the workflows whose operators act in twos by the current rules, or nil if there are none. A
// workflow that is no longer configured follows the setting of all.
func (a *App) needsSecond() approval.NeedsSecond {
	c := a.rules.Load().config
	always := c.Operator.FourEyes
	isConfigured := always
	for _, w := range c.Workflows {
		isConfigured = isConfigured || w.FourEyes
	}
	if !isConfigured {
		return nil
	}
	return func(workflow string) bool { return always || c.Workflows[workflow].FourEyes }
}
