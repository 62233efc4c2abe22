package postgres

import (
	"net"
	"net/url"
	"regexp"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of a database.
type Settings struct {
	URL         secret.Text  `yaml:"url" doc:"postgres://USER:PASSWORD@HOST:PORT/DATABASE; several hosts, separated by commas, for a cluster whose primary changes"`
	Password    secret.Text  `yaml:"password" doc:"password in place of the one in url"`
	Schema      string       `yaml:"schema" doc:"schema of the tables, made at the first start; it holds nothing else"`
	TLS         TLS          `yaml:"tls" enum:"verify-full,require,none" doc:"verify-full checks the server's certificate, require only encrypts; none is the default on this machine and verify-full elsewhere"`
	CA          string       `yaml:"ca" doc:"file with the certificates that the server's is checked against; empty takes the system's"`
	Certificate string       `yaml:"certificate" doc:"file with the client's certificate, if the server asks for one; key is its key"`
	Key         string       `yaml:"key" doc:"file with the key of certificate"`
	IAM         *IAMSettings `yaml:"iam" doc:"sign in to Amazon RDS or Aurora with the AWS credentials in place of a password"`
	Connections int          `yaml:"connections" doc:"largest number of connections of a worker; a quarter of them write"`
}

// TLS tells how connections are encrypted.
type TLS string

// The values of TLS.
const (
	TLSVerify  TLS = "verify-full"
	TLSRequire TLS = "require"
	TLSNone    TLS = "none"
)

// IAMSettings are the settings of a sign-in with AWS credentials.
type IAMSettings struct {
	Region string `yaml:"region" doc:"region of the database; empty takes aws.region"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(common setup.Common) {
	setup.Default(&s.Schema, "approval_relay")
	setup.Default(&s.Connections, 8)
	if s.IAM != nil {
		setup.Default(&s.IAM.Region, common.Region)
	}
	if u, err := url.Parse(s.URL.Reveal()); err == nil && s.TLS == "" {
		s.TLS = TLSVerify
		if isLoopback(u.Hostname()) {
			s.TLS = TLSNone
		}
	}
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	c.Enums(s)
	s.validateURL(c)
	if !schemaName.MatchString(s.Schema) {
		c.Fault("schema", "must have at most 63 lower-case letters, digits and underscores, and not begin with a digit")
	}
	c.Within("connections", s.Connections, 2, 500)
	if (s.Certificate == "") != (s.Key == "") {
		c.Fault("certificate", "and key belong together: one of them is missing")
	}
	if s.TLS == TLSNone && s.CA+s.Certificate != "" {
		c.Fault("tls", "must not be none: there are certificates")
	}
	if s.IAM == nil {
		return
	}
	if s.IAM.Region == "" {
		c.Fault("iam.region", "is missing, and so is aws.region")
	}
	if !s.Password.IsZero() {
		c.Fault("password", "must be empty: iam signs in without one")
	}
	if s.TLS == TLSNone {
		c.Fault("tls", "must not be none: iam needs an encrypted connection")
	}
}

// validateURL reports faults without quoting the URL, because it may have a password.
func (s *Settings) validateURL(c *setup.Check) {
	if s.URL.IsZero() {
		c.Fault("url", "is missing: postgres://USER:PASSWORD@HOST:PORT/DATABASE")
		return
	}
	u, err := url.Parse(s.URL.Reveal())
	switch {
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql":
		c.Fault("url", "must begin with postgres://USER:PASSWORD@HOST:PORT/DATABASE; in a password, %% and the letters :/?#[]@ "+
			"are written as %%XX")
		return
	case u.User.Username() == "":
		c.Fault("url", "has no user")
	case len(u.Path) < 2:
		c.Fault("url", "has no database: its name is the path")
	case u.Query().Has("sslmode"):
		c.Fault("url", "has sslmode: the setting tls is in its place")
	case s.IAM != nil && hasPassword(u):
		c.Fault("url", "has a password: iam signs in without one")
	case s.TLS == TLSNone && hasPassword(u) && !isLoopback(u.Hostname()):
		c.Warn("tls", "is none: the password and all requests cross the network unencrypted")
	}
	if _, err := parseURL(s); err != nil {
		c.Fault("url", "cannot be used: it has a part that PostgreSQL's clients do not know")
	}
}

func hasPassword(u *url.URL) bool {
	password, _ := u.User.Password()
	return password != ""
}

// isLoopback reports whether the host is this machine.
func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
