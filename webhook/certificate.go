package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// CertificateConfig says what a proxy in front of us says of a client's
// certificate. It is as good as the proxy: whoever reaches us past it, or whose
// headers it lets through, is whoever they say.
type CertificateConfig struct {
	Header  string   // whose certificate it was, such as X-SSL-Client-Fingerprint
	Allowed []string // values of it that are taken
	// VerifiedHeader, where there is one, must say VerifiedValue.
	VerifiedHeader, VerifiedValue string
}

// Certificate believes a proxy that has checked a client's certificate.
type Certificate struct{ config CertificateConfig }

// NewCertificate returns a verifier that takes the clients that are allowed.
func NewCertificate(c CertificateConfig) (*Certificate, error) {
	var faults []error
	if c.Header == "" {
		faults = append(faults, errors.New("header: is missing"))
	}
	if len(c.Allowed) == 0 {
		faults = append(faults, errors.New("allowed: names nobody"))
	}
	for i, a := range c.Allowed {
		if a == "" {
			faults = append(faults, fmt.Errorf("allowed: number %d is empty", i+1))
		}
	}
	if (c.VerifiedHeader == "") != (c.VerifiedValue == "") {
		faults = append(faults, errors.New("verified_header: goes with verified_value"))
	}
	return &Certificate{c}, errors.Join(faults...)
}

// Verify implements Verifier.
func (v *Certificate) Verify(_ time.Time, header http.Header, _ []byte) error {
	if v.config.VerifiedHeader != "" {
		said, err := one(header, v.config.VerifiedHeader)
		if err != nil {
			return err
		}
		if said != v.config.VerifiedValue {
			return fmt.Errorf("header %s: %w", v.config.VerifiedHeader, ErrMismatch)
		}
	}
	who, err := one(header, v.config.Header)
	if err != nil {
		return err
	}
	got, ok := sha256.Sum256([]byte(who)), 0
	for _, a := range v.config.Allowed {
		want := sha256.Sum256([]byte(a))
		ok |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	if ok != 1 {
		return ErrMismatch
	}
	return nil
}
