package webhook

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/setup"
)

// Certificate trusts a proxy that has checked a client's certificate.
type Certificate struct {
	config  CertificateSettings
	allowed [][sha256.Size]byte
}

// NewCertificate returns a verifier that accepts the allowed clients.
func NewCertificate(c CertificateSettings) (*Certificate, error) {
	var faults []error
	if c.Header == "" {
		faults = append(faults, setup.NewFieldError("header", "is missing"))
	}
	if len(c.Allowed) == 0 {
		faults = append(faults, setup.NewFieldError("allowed", "is missing"))
	}
	for i, a := range c.Allowed {
		if a == "" {
			faults = append(faults, setup.NewFieldError(fmt.Sprintf("allowed[%d]", i), "is empty"))
		}
	}
	if (c.VerifiedHeader == "") != (c.VerifiedValue == "") {
		faults = append(faults, setup.NewFieldError("verified_header", "needs verified_value, and the other way round"))
	}
	v := &Certificate{config: c}
	for _, a := range c.Allowed {
		v.allowed = append(v.allowed, sha256.Sum256([]byte(a)))
	}
	return v, errors.Join(faults...)
}

// Verify implements Verifier.
func (v *Certificate) Verify(_ time.Time, r Request) error {
	header := r.Header
	if name := v.config.VerifiedHeader; name != "" {
		value, err := singleHeader(header, name)
		if err != nil {
			return err
		}
		if value != v.config.VerifiedValue {
			return refuse(refusal.Mismatch, name, "the header %s does not have the value of verified_value", name)
		}
	}
	value, err := singleHeader(header, v.config.Header)
	if err != nil {
		return err
	}
	if indexDigest(v.allowed, value) < 0 {
		return refuse(refusal.Mismatch, v.config.Header, "the header %s names a certificate that is not allowed", v.config.Header)
	}
	return nil
}
