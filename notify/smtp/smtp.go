// Package smtp is the channel that sends each notification as an e-mail, with plain text and HTML, through the mail server
// of the operator.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/setup"
)

// TLS is the protection of the connection to the mail server.
type TLS string

// The kinds of protection. None is for a server on the same machine or network.
const (
	StartTLS TLS = "starttls" // from the server's greeting on; a server without STARTTLS is refused
	Implicit TLS = "tls"      // from the first byte on
	None     TLS = "none"
)

// Config has the settings of a channel, and its environment.
type Config struct {
	Settings
	// HELO is the name by which we introduce ourselves to the server; empty means the machine's name.
	HELO string
	// Timeout bounds an attempt: a server may accept the connection and then stay silent. Zero means 30 s.
	Timeout time.Duration
	// RootCAs are the authorities that may have signed the server's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Now is the clock, for the Date header; nil is time.Now.
	Now func() time.Time
}

// Channel sends e-mails, each on a connection of its own.
type Channel struct {
	config    Config
	from      *mail.Address
	templates *email.Templates
}

// NewChannel returns a channel. The error names each field of the settings with a fault, without the value of a secret.
func NewChannel(c Config) (*Channel, error) {
	c.SetDefaults(setup.Common{})
	setup.Default(&c.Timeout, 30*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := setup.FaultsOf(&c.Settings); err != nil {
		return nil, err
	}
	templates, err := c.Templates.Parsed()
	if err != nil {
		return nil, err
	}
	from, err := email.ParseSender(c.From)
	if err != nil {
		return nil, err
	}
	return &Channel{config: c, from: from, templates: templates}, nil
}

// Notify implements notify.Channel. The approver's ID must be an e-mail address. See judgeRefusal for the meaning of the
// errors.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	to, err := email.ParseRecipient(m)
	if err != nil {
		return err
	}
	msg, err := c.composeMail(m, to)
	if err != nil {
		return approval.Permanent(fmt.Errorf("compose the e-mail: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.sendMail(ctx, msg)
}

func (c *Channel) serverAddress() string {
	return net.JoinHostPort(c.config.Host, strconv.Itoa(c.config.Port))
}

func (c *Channel) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: c.config.Host, RootCAs: c.config.RootCAs, MinVersion: tls.VersionTLS12}
}
