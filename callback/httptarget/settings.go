package httptarget

import (
	"time"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Settings are the settings of a target of callback URLs.
type Settings struct {
	webhook.SigningSettings `yaml:",inline"`
	AllowHTTP               bool `yaml:"allow_http" doc:"accept http:// URLs"`
	AllowInternal           bool `yaml:"allow_internal" doc:"let URLs lead to internal addresses and, without allowed_ports, to any port; never to link-local addresses, metadata services of clouds and the worker itself"`
	outbound.Reach          `yaml:",inline"`
	AllowedHosts            []string `yaml:"allowed_hosts" doc:"hosts that URLs may name, with the names below them; empty means every public host"`
	// RetryRefusalsFor is the time for which 401, 403, 404 and 405 are retried, from the first of them.
	RetryRefusalsFor time.Duration `yaml:"retry_refusals_for" doc:"how long 401, 403, 404 and 405 are retried: a rollout may answer so for some minutes"`

	setup.Concurrency `yaml:",inline"` // for each host
}

// SetDefaults implements setup.Defaulter. Ten minutes outlast a rollout with its readiness checks and the renewal of a
// certificate or token in front of the receiver.
func (s *Settings) SetDefaults(setup.Common) { setup.Default(&s.RetryRefusalsFor, 10*time.Minute) }

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.Reach.Validate(c)
	c.Between("retry_refusals_for", s.RetryRefusalsFor, time.Second, 24*time.Hour)
	s.SigningSettings.Validate(c, "callbacks")
	if len(s.SigningKeys) == 0 && len(s.AllowedHosts) > 1 {
		c.Warn("secrets", "are known to several receivers, and each of them can sign in our name to the others: use signing_keys, "+
			"or a target for each receiver")
	}
}

// ports returns the ports that are called, or nil for every port.
func (s *Settings) ports() []uint16 {
	ports := []uint16{443}
	if s.AllowHTTP {
		ports = append(ports, 80)
	}
	if allowed := s.AllowedPorts(ports...); allowed != nil || s.AllowInternal {
		return allowed
	}
	return ports
}

// Address implements callback.Settings.
func (*Settings) Address() callback.Address { return callback.CallbackURL }

// Open implements callback.Settings.
func (s *Settings) Open(env setup.Env) (callback.Target, error) {
	return NewTarget(Config{
		Settings:      *s,
		Signer:        s.Signer(),
		Timeout:       env.Timeout,
		IsOwnListener: env.IsOwnListener,
		Connections:   env.Connections,
		Now:           env.Now,
	}), nil
}
