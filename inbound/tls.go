package inbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/approval-relay/approval-relay/setup"
)

// TLSSettings are the settings of TLS at a listener.
type TLSSettings struct {
	Certificate string `yaml:"certificate" doc:"path of a PEM file with the certificate and its chain"`
	Key         string `yaml:"key" doc:"path of a PEM file with the private key"`
	ClientCA    string `yaml:"client_ca" doc:"path of a PEM file with the CAs that issue the certificates of clients (mTLS)"`
	ClientAuth  string `yaml:"client_auth" enum:"none,optional,required" doc:"whether clients show a certificate of client_ca: none, optional, required; without it, required if client_ca is set"`
	MinVersion  string `yaml:"min_version" enum:"1.2,1.3" doc:"lowest version of TLS: 1.2 or 1.3"`
}

// SetDefaults implements setup.Defaulter.
func (s *TLSSettings) SetDefaults(setup.Common) {
	setup.Default(&s.MinVersion, "1.2")
	if s.ClientCA != "" {
		setup.Default(&s.ClientAuth, "required")
	}
	setup.Default(&s.ClientAuth, "none")
}

// Validate implements setup.Validator. It reads the files, so that `check config` finds a key that does not fit.
func (s *TLSSettings) Validate(c *setup.Check) {
	c.Enums(s)
	c.Required("certificate", s.Certificate)
	c.Required("key", s.Key)
	switch {
	case s.ClientAuth != "none" && s.ClientCA == "":
		c.Fault("client_auth", "is %s, but client_ca names no CA to check the certificates with", s.ClientAuth)
	case s.ClientAuth == "none" && s.ClientCA != "":
		c.Fault("client_auth", "is none, so client_ca has no effect; set it to optional or required, or remove client_ca")
	}
	if s.Certificate == "" || s.Key == "" {
		return
	}
	if _, err := s.load(); err != nil {
		c.Error("", err)
	}
	if info, err := os.Stat(s.Key); err == nil && info.Mode().Perm()&fs.FileMode(0o004) != 0 {
		c.Warn("key", "can be read by every user of this machine: %s; chmod 600 it", s.Key)
	}
}

// Files names the files, for the watch of the configuration.
func (s *TLSSettings) Files() []string {
	if s == nil {
		return nil
	}
	return []string{s.Certificate, s.Key, s.ClientCA}
}

// load reads the files. HTTP/2 is not offered: one connection of it carries any number of requests, past the limit of
// connections.
func (s *TLSSettings) load() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
	if err != nil {
		return nil, setup.NewFieldError("certificate", "cannot be used with its key: %s", err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}
	if s.MinVersion == "1.3" {
		config.MinVersion = tls.VersionTLS13
	}
	if s.ClientCA == "" || s.ClientAuth == "none" {
		return config, nil
	}
	pem, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return nil, setup.NewFieldError("client_ca", "cannot be read: %s", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, setup.NewFieldError("client_ca", "has no certificate in PEM form: %s", s.ClientCA)
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if s.ClientAuth == "required" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// TLS is the TLS of a listener. Its certificates can be replaced while it runs.
type TLS struct{ current atomic.Pointer[tls.Config] }

// errNoTLS is returned to handshakes before the first certificate was loaded. It does not happen.
var errNoTLS = errors.New("no certificate is loaded")

// Prepare reads the files of the settings and returns a function that puts them in force. Handshakes that have begun,
// and open connections, keep what they have.
func (t *TLS) Prepare(s *TLSSettings) (apply func(), err error) {
	config, err := s.load()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return func() { t.current.Store(config) }, nil
}

// Config returns the configuration for a listener.
func (t *TLS) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if config := t.current.Load(); config != nil {
				return config, nil
			}
			return nil, errNoTLS
		},
	}
}
