package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// StandardAsymmetric verifies Standard Webhooks whose sender keeps the key to
// itself, version v1a of the same specification: Ed25519 of ID.TIMESTAMP.BODY.
// Where secrets are configured too, while a sender changes over, version v1 is
// taken beside it.
type StandardAsymmetric struct {
	keys      []ed25519.PublicKey
	symmetric *Standard // nil without secrets
}

// maxAsymmetric bounds how many signatures of one request are looked at: unlike
// MACs, each is another reading of the body.
const maxAsymmetric = 4

// NewStandardAsymmetric returns a verifier that takes a signature with any of the
// public keys: base64, with or without the prefix whpk_.
func NewStandardAsymmetric(publicKeys, texts []string) (*StandardAsymmetric, error) {
	v := &StandardAsymmetric{}
	if len(texts) > 0 || len(publicKeys) == 0 {
		var err error
		if v.symmetric, err = NewStandard(texts...); err != nil {
			return nil, err
		}
	}
	for i, text := range publicKeys {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), "whpk_"))
		if err != nil || len(b) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("public key %d: is not whpk_ and %d bytes in base64", i+1, ed25519.PublicKeySize)
		}
		v.keys = append(v.keys, b)
	}
	return v, nil
}

// Verify implements Verifier.
func (v *StandardAsymmetric) Verify(now time.Time, header http.Header, body []byte) error {
	versions := map[string]check{}
	if len(v.keys) > 0 {
		versions["v1a"] = v.check
	}
	if v.symmetric != nil {
		versions["v1"] = v.symmetric.check
	}
	return verifyStandard(now, header, body, versions)
}

func (v *StandardAsymmetric) check(signed []byte, got ...[]byte) error {
	for _, g := range got[:min(len(got), maxAsymmetric)] {
		for _, key := range v.keys {
			if ed25519.Verify(key, signed, g) {
				return nil
			}
		}
	}
	return ErrMismatch
}
