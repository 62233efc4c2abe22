package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// SigningSettings are the settings of signatures that we make. Settings of adapters that sign embed it with the tag
// `yaml:",inline"`.
type SigningSettings struct {
	Secrets     []secret.Text `yaml:"secrets" doc:"whsec_…, shared with the receiver (v1); every secret signs, so that they can be rotated"`
	SigningKeys []secret.Text `yaml:"signing_keys" doc:"whsk_…, private Ed25519 keys (v1a): a receiver needs the public key only, and cannot sign in our name; every key signs, so that they can be rotated"`

	signer *Signer // set by Validate
}

// Validate reports the faults of the settings. The text names what is signed.
func (s *SigningSettings) Validate(c *setup.Check, signed string) {
	if len(s.Secrets) == 0 && len(s.SigningKeys) == 0 {
		c.Fault("secrets", "are missing, and so are signing_keys: %s are signed", signed)
		return
	}
	signer, err := NewSigner(secret.RevealAll(s.Secrets), secret.RevealAll(s.SigningKeys))
	c.Error("", err)
	s.signer = signer
}

// Signer returns a signer by valid settings. It is nil before they are validated.
func (s *SigningSettings) Signer() *Signer {
	if s.signer == nil || s.signer.symmetric == nil {
		return s.signer
	}
	return &Signer{symmetric: s.signer.symmetric.reusingHashes(), keys: s.signer.keys}
}

// Signer signs Standard Webhooks in every way that is configured: by the HMAC of each secret (v1, see Standard), and by
// each private key (v1a): the Ed25519 signature of ID.TIMESTAMP.BODY. Its keys cannot be printed.
type Signer struct {
	symmetric *Standard // nil without secrets
	keys      []secret.Text
}

// NewSigner returns a signer. Private keys are 32 or 64 bytes in base64, with or without the prefix whsk_: the seed, or
// the seed and the public key. The error has a setup.FieldError for each secret or key at fault.
func NewSigner(signingSecrets, privateKeys []string) (*Signer, error) {
	s := &Signer{}
	var faults []error
	if len(signingSecrets) > 0 || len(privateKeys) == 0 {
		symmetric, err := NewStandard(signingSecrets...)
		faults = append(faults, setup.InField("secrets", err))
		s.symmetric = symmetric
	}
	for i, text := range privateKeys {
		key, err := parsePrivateKey(text)
		if err != nil {
			faults = append(faults, setup.NewFieldError(fmt.Sprintf("signing_keys[%d]", i), "%s", err))
		}
		s.keys = append(s.keys, secret.New(string(key)))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return s, nil
}

func parsePrivateKey(text string) (ed25519.PrivateKey, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "whsec_") || strings.HasPrefix(text, "whpk_") {
		return nil, errors.New("is not a private key, which begins with whsk_")
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsk_"))
	if err != nil || (len(b) != ed25519.SeedSize && len(b) != ed25519.PrivateKeySize) {
		return nil, fmt.Errorf("is not whsk_ and %d or %d bytes in base64", ed25519.SeedSize, ed25519.PrivateKeySize)
	}
	key := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
	if len(b) == ed25519.PrivateKeySize && string(key) != string(b) {
		return nil, errors.New("has a public key that is not of its private key")
	}
	return key, nil
}

// Sign returns the headers for a body. The ID is the same in all attempts to send a message.
func (s *Signer) Sign(id string, now time.Time, body []byte) http.Header {
	var signatures []string
	if s.symmetric != nil {
		signatures = s.symmetric.signatures(id, now, body)
	}
	if len(s.keys) == 0 {
		return signatureHeader(id, now, signatures)
	}
	signed := signedContent(id, timestampOf(now), body)
	for _, key := range s.keys {
		signature := ed25519.Sign(ed25519.PrivateKey(key.Reveal()), signed)
		signatures = append(signatures, "v1a,"+base64.StdEncoding.EncodeToString(signature))
	}
	return signatureHeader(id, now, signatures)
}

// PublicKeys returns the public keys of the private keys, in the form whpk_…, for receivers.
func (s *Signer) PublicKeys() []string {
	texts := make([]string, len(s.keys))
	for i, key := range s.keys {
		texts[i] = publicKeyText(ed25519.PrivateKey(key.Reveal()))
	}
	return texts
}

func publicKeyText(key ed25519.PrivateKey) string {
	public := key[ed25519.SeedSize:] // see the documentation of ed25519.PrivateKey
	return "whpk_" + base64.StdEncoding.EncodeToString(public)
}

// NewKeyPair returns a new private key for SigningSettings, and its public key for receivers.
func NewKeyPair() (private secret.Text, public string, err error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return secret.Text{}, "", fmt.Errorf("make a key: %w", err)
	}
	return secret.New("whsk_" + base64.StdEncoding.EncodeToString(key)), publicKeyText(key), nil
}
