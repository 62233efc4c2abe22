package app

import (
	"net/url"

	"github.com/approval-relay/approval-relay/approval"
)

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

// consoleURL returns the function that makes the address of an order in the console, or nil if the address of the console
// is not configured.
func consoleURL(operatorURL string) func(orderID string) string {
	base, err := url.Parse(operatorURL)
	if operatorURL == "" || err != nil { // the configuration is checked
		return nil
	}
	return func(orderID string) string {
		page := base.JoinPath("console", "order")
		page.RawQuery = url.Values{"id": {orderID}}.Encode()
		return page.String()
	}
}
