package post

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Reach are the settings that say which addresses the URL of a channel may lead to. Settings of channels embed it with the
// tag `yaml:",inline"`.
type Reach struct {
	AllowInternal  bool `yaml:"allow_internal" doc:"let the URL lead to internal addresses, and be http; never to link-local addresses, metadata services of clouds and the worker itself"`
	outbound.Reach `yaml:",inline"`
}

// CheckURL reports the faults of these settings and of the channel's URL, which is in the field with this name.
func (r *Reach) CheckURL(c *setup.Check, name string, text secret.Text) {
	r.Validate(c)
	c.HTTPSURL(name, text, r.AllowInternal || len(r.Prefixes) > 0)
	u, err := url.Parse(text.Reveal())
	if err != nil || u.Port() == "" || len(r.Ports) == 0 {
		return
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || !slices.Contains(r.ports(), uint16(port)) {
		c.Fault(name, "has a port that allowed_ports does not name")
	}
}

// ports returns the ports that are called, or nil for every port.
func (r *Reach) ports() []uint16 { return r.AllowedPorts(443, 80) }

// Config returns the configuration of a Poster to this URL.
func (r *Reach) Config(to secret.Text, env setup.Env) Config {
	return Config{
		URL:             to,
		AllowInternal:   r.AllowInternal,
		AllowedPrefixes: r.AllowedPrefixes(),
		AllowedPorts:    r.ports(),
		IsOwnListener:   env.IsOwnListener,
		Connections:     env.Connections,
		Timeout:         env.Timeout,
		Now:             env.Now,
	}
}
