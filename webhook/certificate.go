package webhook

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// CertificateSettings are the settings of mutual TLS. Either a proxy in front of the worker terminates it: then the
// scheme is as secure as that proxy, because anybody who can bypass it, or send its headers through it, can claim to be
// any client; a secret that only the proxy knows takes that away. Or our own listener does (public.tls.client_ca).
type CertificateSettings struct {
	Header         string        `yaml:"header" doc:"header in which the proxy names the subject or fingerprint of the certificate"`
	Allowed        []string      `yaml:"allowed" doc:"accepted values of that header"`
	VerifiedHeader string        `yaml:"verified_header" doc:"header in which the proxy states that it verified the certificate"`
	VerifiedValue  string        `yaml:"verified_value" doc:"value of that header for a verified certificate; empty is SUCCESS"`
	SecretHeader   string        `yaml:"secret_header" doc:"header in which the proxy sends a secret, so that nobody else can send its headers"`
	Secrets        []secret.Text `yaml:"secrets" doc:"secrets, any of which is accepted in secret_header"`
	Fingerprints   []string      `yaml:"fingerprints" doc:"in place of header, for certificates that public.tls verifies: SHA-256 of accepted certificates, in hex"`
	Subjects       []string      `yaml:"subjects" doc:"the same: subjects of accepted certificates, such as CN=bank,O=Example"`
	Names          []string      `yaml:"names" doc:"the same: DNS names, URIs or e-mail addresses, one of which an accepted certificate has"`
}

// SetDefaults implements setup.Defaulter. SUCCESS is the value of nginx.
func (s *CertificateSettings) SetDefaults(setup.Common) {
	if s.VerifiedHeader != "" {
		setup.Default(&s.VerifiedValue, "SUCCESS")
	}
}

// ByListener reports whether our own listener verifies the certificates.
func (s *CertificateSettings) ByListener() bool {
	return len(s.Fingerprints)+len(s.Subjects)+len(s.Names) > 0
}

// Scheme implements Settings. The proxy, or our listener, authenticates the whole request. Nobody is told which header
// is trusted.
func (s *CertificateSettings) Scheme() (Scheme, error) {
	verifier, err := NewCertificate(*s)
	return Scheme{
		Verifier:         verifier,
		CoversRequest:    true,
		IDHeaders:        []string{headerID},
		CredentialHeader: s.SecretHeader,
		Challenge:        challengeOf("Certificate"),
	}, err
}

// Certificate verifies who has shown a client's certificate, to a proxy or to our listener.
type Certificate struct {
	config  CertificateSettings // without secrets
	allowed [][sha256.Size]byte
	secrets [][sha256.Size]byte // of the proxy
}

// NewCertificate returns a verifier that accepts the allowed clients.
func NewCertificate(c CertificateSettings) (*Certificate, error) {
	v := &Certificate{}
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, setup.NewFieldError(field, format, args...))
	}
	if c.ByListener() {
		c.validateListener(fault)
	} else {
		c.validateProxy(fault)
	}
	if (c.SecretHeader == "") != (len(c.Secrets) == 0) {
		fault("secret_header", "needs secrets, and the other way round")
	}
	if len(c.Secrets) > 0 {
		digests, err := digestSecrets("secrets", c.Secrets)
		faults = append(faults, err)
		v.secrets = digests
	}
	for _, a := range c.Allowed {
		v.allowed = append(v.allowed, sha256.Sum256([]byte(a)))
	}
	c.Secrets = nil
	c.Fingerprints = slices.Clone(c.Fingerprints)
	for i, f := range c.Fingerprints {
		c.Fingerprints[i] = plainFingerprint(f)
	}
	v.config = c
	return v, errors.Join(faults...)
}

func (s *CertificateSettings) validateProxy(fault func(field, format string, args ...any)) {
	if s.Header == "" {
		fault("header", "is missing")
	}
	if len(s.Allowed) == 0 {
		fault("allowed", "is missing")
	}
	for i, a := range s.Allowed {
		if a == "" {
			fault("allowed"+indexText(i), "is empty")
		}
	}
	if (s.VerifiedHeader == "") != (s.VerifiedValue == "") {
		fault("verified_header", "needs verified_value, and the other way round")
	}
}

func (s *CertificateSettings) validateListener(fault func(field, format string, args ...any)) {
	for field, value := range map[string]bool{
		"header": s.Header != "", "allowed": len(s.Allowed) > 0, "verified_header": s.VerifiedHeader != "",
	} {
		if value {
			fault(field, "is of a proxy; it does not go with fingerprints, subjects and names of certificates that public.tls verifies")
		}
	}
	for i, f := range s.Fingerprints {
		if b, err := hex.DecodeString(plainFingerprint(f)); err != nil || len(b) != sha256.Size {
			fault("fingerprints"+indexText(i), "is not a SHA-256 in hex, with or without colons")
		}
	}
	for field, list := range map[string][]string{"subjects": s.Subjects, "names": s.Names} {
		for i, text := range list {
			if text == "" {
				fault(field+indexText(i), "is empty")
			}
		}
	}
}

// plainFingerprint returns a fingerprint without the colons that tools write.
func plainFingerprint(text string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
}

// Verify implements Verifier.
func (v *Certificate) Verify(_ time.Time, r Request) error {
	if name := v.config.SecretHeader; name != "" {
		value, err := singleHeader(r.Header, name)
		if err != nil {
			return err
		}
		if indexDigest(v.secrets, strings.TrimSpace(value)) < 0 {
			return refuse(refusal.Mismatch, name, "the header %s has none of the secrets of the proxy", name)
		}
	}
	if v.config.ByListener() {
		return v.verifyOwn(r.Certificates)
	}
	return v.verifyHeaders(r)
}

func (v *Certificate) verifyHeaders(r Request) error {
	if name := v.config.VerifiedHeader; name != "" {
		value, err := singleHeader(r.Header, name)
		if err != nil {
			return err
		}
		if value != v.config.VerifiedValue {
			return refuse(refusal.Mismatch, name, "the header %s does not have the value of verified_value", name)
		}
	}
	value, err := singleHeader(r.Header, v.config.Header)
	if err != nil {
		return err
	}
	if indexDigest(v.allowed, value) < 0 {
		return refuse(refusal.Mismatch, v.config.Header, "the header %s names a certificate that is not allowed", v.config.Header)
	}
	return nil
}

// verifyOwn checks the certificate of the client, which is the first that it has shown. The listener has verified its
// chain.
func (v *Certificate) verifyOwn(shown []*x509.Certificate) error {
	const field = "certificate"
	if len(shown) == 0 {
		return refuse(refusal.Missing, field, "the client has shown no certificate that a CA of public.tls.client_ca has issued")
	}
	leaf := shown[0]
	sum := sha256.Sum256(leaf.Raw)
	if slices.Contains(v.config.Fingerprints, hex.EncodeToString(sum[:])) ||
		slices.Contains(v.config.Subjects, leaf.Subject.String()) || v.hasName(leaf) {
		return nil
	}
	return refuse(refusal.Mismatch, field, "the certificate of the client is none of fingerprints, subjects and names")
}

func (v *Certificate) hasName(leaf *x509.Certificate) bool {
	names := slices.Concat(leaf.DNSNames, leaf.EmailAddresses)
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(v.config.Names, func(want string) bool { return strings.EqualFold(want, name) })
	})
}
