package config

import (
	"net"
	"slices"

	"github.com/approval-relay/approval-relay/notify/logchannel"
	"github.com/approval-relay/approval-relay/setup"
)

// warnAddresses reports links that are sent in clear text, and operator routes that the network can reach.
func (c *Config) warnAddresses(check *setup.Check) {
	u := c.Compiled.PublicURL
	if u.Scheme == "http" && !isThisMachine(u.Hostname()) {
		check.Warn("public.url", "is http, so links that decide travel unencrypted; use https")
	}
	host, _, _ := net.SplitHostPort(c.Operator.Listen)
	if isEveryInterface(host) && !c.Operator.AllInterfaces {
		check.Warn("operator.listen", "is open to all networks of this machine; "+
			"name an address, such as 127.0.0.1, or set allow_all_interfaces, as in a container")
	}
}

// isThisMachine reports whether a host of a URL is the machine itself.
func isThisMachine(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// warnLogChannel reports deciding links that are printed in production: a public https URL is a sign of it.
func (c *Config) warnLogChannel(check *setup.Check) {
	if c.Compiled.PublicURL.Scheme != "https" {
		return
	}
	for _, name := range sortedNames(c.Channels) {
		if _, isLog := c.Channels[name].Settings().(*logchannel.Settings); isLog && c.notifiesPeople(name) {
			check.Warn("channels."+name, "prints links that decide on the standard output, "+
				"where everybody who reads the log can use them; "+
				"it is for trying out")
		}
	}
}

// notifiesPeople reports whether a channel notifies approvers.
func (c *Config) notifiesPeople(channel string) bool {
	for _, w := range c.Workflows {
		if slices.Contains(w.Notify, channel) || slices.Contains(w.Fallback, channel) {
			return true
		}
	}
	for _, p := range c.People {
		if slices.Contains(p.Notify, channel) || slices.Contains(p.Fallback, channel) {
			return true
		}
	}
	return c.tellsRequestersBy(channel)
}
