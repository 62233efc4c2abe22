package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// MinSecret is the minimum length of a secret, in bytes. A shorter secret can be guessed from a signed request.
const MinSecret = 16

// parseSecrets reads the secrets of a scheme. The function decode turns the configured text into bytes. The bytes are
// kept in a secret.Text, which cannot be printed. The error has a setup.FieldError for each secret at fault, such as "[0]".
func parseSecrets(texts []string, decode func(string) ([]byte, error)) ([]secret.Text, error) {
	if len(texts) == 0 {
		return nil, errors.New("no secret is configured")
	}
	var faults []error
	secrets := make([]secret.Text, 0, len(texts))
	for i, text := range texts {
		b, err := decode(strings.TrimSpace(text))
		switch {
		case err != nil:
			faults = append(faults, setup.NewFieldError(indexText(i), "%s", err))
		case len(b) < MinSecret:
			faults = append(faults, setup.NewFieldError(indexText(i), "has %d bytes, the least is %d", len(b), MinSecret))
		}
		secrets = append(secrets, secret.New(string(b)))
	}
	return secrets, errors.Join(faults...)
}

// indexText returns an index as the paths of fields have it, such as [0].
func indexText(i int) string { return fmt.Sprintf("[%d]", i) }

// decodePlain returns the bytes of a secret that is used as it is written.
func decodePlain(text string) ([]byte, error) { return []byte(text), nil }

// matchSHA256 reports whether an HMAC-SHA256 with a configured secret is among the signatures.
func matchSHA256(secrets []secret.Text, signed []byte, signatures ...[]byte) bool {
	return matchMAC(sha256.New, secrets, signed, signatures...)
}

// matchMAC reports whether an HMAC with a configured secret is among the signatures. The signed bytes are hashed once
// for each secret, however many signatures there are.
func matchMAC(newHash func() hash.Hash, secrets []secret.Text, signed []byte, signatures ...[]byte) bool {
	found := false
	for _, s := range secrets {
		want := computeMAC(newHash, s, signed)
		for _, got := range signatures {
			found = hmac.Equal(want, got) || found
		}
	}
	return found
}

// computeMAC returns the HMAC of a message.
func computeMAC(newHash func() hash.Hash, s secret.Text, message []byte) []byte {
	mac := hmac.New(newHash, []byte(s.Reveal()))
	mac.Write(message)
	return mac.Sum(nil)
}

// hashPool keeps HMACs with a secret for later messages: to set one up costs two blocks of its hash.
type hashPool struct{ sync.Pool }

func newHashPool(newHash func() hash.Hash, s secret.Text) *hashPool {
	return &hashPool{sync.Pool{New: func() any { return hmac.New(newHash, []byte(s.Reveal())) }}}
}

// computeMAC returns the HMAC of a message.
func (p *hashPool) computeMAC(message []byte) []byte {
	mac, _ := p.Get().(hash.Hash)
	defer p.Put(mac)
	mac.Reset()
	mac.Write(message)
	return mac.Sum(nil)
}
