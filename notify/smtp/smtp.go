// Package smtp is the channel that sends each notification as an e-mail, plain
// text and HTML in one, through the operator's mail server.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
)

// TLS says how the connection to the mail server is protected.
type TLS string

// The ways to protect it. None is for a server on the same machine or network.
const (
	StartTLS TLS = "starttls" // from the server's greeting on, or not at all
	Implicit TLS = "tls"      // from the first byte on
	None     TLS = "none"
)

// Secret is a text that is shown only when asked for.
type Secret interface{ Reveal() string }

// Config is the configuration of a channel.
type Config struct {
	Host string
	Port int    // 0 means 587 for StartTLS, 465 for Implicit, 25 for None
	TLS  TLS    // empty means StartTLS
	From string // an address, with or without a name
	// Username and Password sign in, by the best way that the server knows; no
	// name sends without. They are never sent unprotected, but to this machine.
	Username string
	Password Secret
	HELO     string // what we call ourselves; empty means the machine's name
	// Timeout bounds one attempt: a server that takes the connection and then
	// says nothing. 0 means 30 s.
	Timeout time.Duration
	// RootCAs are those that may have signed the server's certificate; nil means
	// the system's.
	RootCAs *x509.CertPool
	// Templates in place of the built-in ones; nil means those.
	Templates *email.Templates
	// Now is the clock, for the Date header; nil is time.Now.
	Now func() time.Time
}

// Channel sends e-mails. Each has a connection of its own.
type Channel struct {
	config   Config
	password func() string // a function, so that it cannot be printed
	from     *mail.Address
}

// New returns a channel. The error names each field of the Config that is at
// fault, without its value where that is secret.
func New(c Config) (*Channel, error) {
	c = c.withDefaults()
	ch := &Channel{password: func() string { return "" }}
	if c.Password != nil {
		ch.password = c.Password.Reveal
	}
	var fromErr, templatesErr error
	ch.from, fromErr = email.From(c.From)
	if c.Templates == nil {
		c.Templates, templatesErr = email.Parse(email.Source{})
	}
	if err := errors.Join(c.validate(ch.password()), fromErr, templatesErr); err != nil {
		return nil, err
	}
	c.Password = nil
	ch.config = c
	return ch, nil
}

func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = map[TLS]int{StartTLS: 587, Implicit: 465, None: 25}[c.TLS]
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) validate(password string) error {
	var faults []error
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New(text))
		}
	}
	fault(c.Host == "", "host: is missing")
	fault(c.TLS != StartTLS && c.TLS != Implicit && c.TLS != None, "tls: is not starttls, tls or none")
	fault(c.Port < 0 || c.Port > 65535, "port: is not a number from 1 to 65535")
	fault(c.Timeout < 0, "timeout: is negative")
	fault(c.Username == "" && password != "", "username: is missing, there is a password")
	fault(c.Username != "" && password == "", "password: is missing, there is a username")
	fault(c.Username != "" && c.TLS == None && !local(c.Host), "tls: must not be none where there is a password")
	return errors.Join(faults...)
}

// local says that the host is this machine.
func local(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Notify sends the message to its approver, whose ID must be an e-mail address.
// See failed for what the errors mean.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	to, err := email.To(m)
	if err != nil {
		return err
	}
	msg, err := c.compose(m, to)
	if err != nil {
		return approval.Permanent(fmt.Errorf("compose the e-mail: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.send(ctx, msg)
}

func (c *Channel) address() string {
	return net.JoinHostPort(c.config.Host, strconv.Itoa(c.config.Port))
}

func (c *Channel) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: c.config.Host, RootCAs: c.config.RootCAs, MinVersion: tls.VersionTLS12}
}
