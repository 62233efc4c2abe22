package smtp

import (
	"net"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of a mail server.
type Settings struct {
	Host     string      `yaml:"host" doc:"mail server"`
	Port     int         `yaml:"port" doc:"port; empty is 587 for starttls, 465 for tls and 25 for none"`
	TLS      TLS         `yaml:"tls" enum:"starttls,tls,none" doc:"starttls, tls or none"`
	From     string      `yaml:"from" doc:"address of the sender, with or without a name"`
	Username string      `yaml:"username" doc:"name to sign in with; empty sends without signing in"`
	Password secret.Text `yaml:"password" doc:"password to sign in with; it is never sent unencrypted, except to this machine"`

	Templates email.Files `yaml:"templates" doc:"Go templates in place of the built-in e-mail"`

	notify.RateSetting `yaml:",inline"`
}

// serverConnections is the default of the e-mails at once: each has a connection of its own, and Postfix takes 50 of a
// client by default.
const serverConnections = 32

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) {
	setup.Default(&s.TLS, StartTLS)
	setup.Default(&s.Port, map[TLS]int{StartTLS: 587, Implicit: 465, None: 25}[s.TLS])
	s.SetConcurrency(setup.ConcurrencyAt(s.Rate, serverConnections))
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	c.Required("host", s.Host)
	c.Enums(s)
	if s.Port != 0 { // else tls is unknown, and so is its port
		c.Within("port", s.Port, 1, 65535)
	}
	email.CheckSender(c, "from", s.From)
	switch {
	case s.Username == "" && !s.Password.IsZero():
		c.Fault("username", "is missing: there is a password")
	case s.Username != "" && s.Password.IsZero():
		c.Fault("password", "is missing: there is a username")
	case s.Username != "" && s.TLS == None && !isLoopback(s.Host):
		c.Fault("tls", "must not be none: the password would be sent unencrypted")
	}
	s.Templates.Validate(c.At("templates"))
}

// isLoopback reports whether the host is this machine.
func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// Audience implements notify.Settings.
func (*Settings) Audience() notify.Audience { return notify.AudienceApprover }

// Unreachable implements notify.ReachSettings.
func (*Settings) Unreachable(approver string, _ map[approval.PersonID]string) string {
	return email.Unreachable(approver)
}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	return NewChannel(Config{Settings: *s, Timeout: env.Timeout, Now: env.Now})
}
