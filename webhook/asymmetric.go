package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/setup"
)

// StandardAsymmetric verifies Standard Webhooks that are signed with a private key, version v1a of the specification:
// Ed25519 of ID.TIMESTAMP.BODY. If secrets are configured as well, while a sender migrates, version v1 is also
// accepted.
type StandardAsymmetric struct {
	keys      []ed25519.PublicKey
	symmetric *Standard // nil without secrets
}

// maxAsymmetric bounds the v1a signatures of a request that are checked. Unlike a MAC, each hashes the body again.
const maxAsymmetric = 4

// NewStandardAsymmetric returns a verifier that accepts a signature with any of the public keys, in base64 with or
// without the prefix whpk_, and with any of the secrets.
func NewStandardAsymmetric(publicKeys, signingSecrets []string) (*StandardAsymmetric, error) {
	v := &StandardAsymmetric{}
	if len(signingSecrets) > 0 || len(publicKeys) == 0 {
		var err error
		if v.symmetric, err = NewStandard(signingSecrets...); err != nil {
			return nil, setup.InField("secrets", err)
		}
	}
	for i, text := range publicKeys {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), "whpk_"))
		if err != nil || len(b) != ed25519.PublicKeySize {
			return nil, setup.NewFieldError(fmt.Sprintf("public_keys[%d]", i), "is not whpk_ and %d bytes in base64", ed25519.PublicKeySize)
		}
		v.keys = append(v.keys, b)
	}
	return v, nil
}

// Verify implements Verifier.
func (v *StandardAsymmetric) Verify(now time.Time, r Request) error {
	header, body := r.Header, r.Body
	versions := map[string]matcher{}
	if len(v.keys) > 0 {
		versions["v1a"] = v.match
	}
	if v.symmetric != nil {
		versions["v1"] = v.symmetric.match
	}
	return verifyStandard(now, header, body, versions)
}

func (v *StandardAsymmetric) match(signed []byte, signatures ...[]byte) bool {
	for _, signature := range signatures[:min(len(signatures), maxAsymmetric)] {
		for _, key := range v.keys {
			if ed25519.Verify(key, signed, signature) {
				return true
			}
		}
	}
	return false
}
