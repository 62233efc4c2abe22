package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// tlsFlags are the flags of calls to a worker with operator.tls.
type tlsFlags struct {
	CAFile     string `name:"ca-file" env:"APPROVAL_RELAY_CA_FILE" group:"The worker" help:"PEM file with the CA of the worker's certificate, for https; without it, the CAs of this machine."`
	CertFile   string `name:"cert-file" env:"APPROVAL_RELAY_CERT_FILE" group:"The worker" help:"PEM file with a certificate for a worker that asks clients for one (mTLS)."`
	KeyFile    string `name:"key-file" env:"APPROVAL_RELAY_KEY_FILE" group:"The worker" help:"PEM file with the key of --cert-file."`
	ServerName string `name:"server-name" env:"APPROVAL_RELAY_SERVER_NAME" group:"The worker" help:"Name in the worker's certificate, if it is not the host of --url."`
}

// client returns an HTTP client that uses the flags.
func (f tlsFlags) client() (*http.Client, error) {
	config, err := f.config()
	if err != nil {
		return nil, err
	}
	return newHTTPClient(config), nil
}

func newHTTPClient(config *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	return &http.Client{Transport: transport}
}

func (f tlsFlags) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: f.ServerName, MinVersion: tls.VersionTLS12}
	if f.CAFile != "" {
		pem, err := os.ReadFile(f.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read --ca-file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca-file %s has no certificate in PEM form", f.CAFile)
		}
	}
	switch {
	case (f.CertFile == "") != (f.KeyFile == ""):
		return nil, errors.New("--cert-file and --key-file belong together")
	case f.CertFile != "":
		certificate, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read --cert-file and --key-file: %w", err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}
