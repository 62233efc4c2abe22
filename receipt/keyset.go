package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
)

// KeyID returns the ID of a public key: its JWK thumbprint (RFC 7638).
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":%q}`, encode(key)))
	return encode(sum[:])
}

// jwk is a public key (RFC 8037).
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	KeyID     string `json:"kid,omitempty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
}

// MarshalJWKS returns public keys as a JWK set (RFC 7517).
func MarshalJWKS(keys []ed25519.PublicKey) []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range keys {
		set.Keys = append(set.Keys, jwk{
			KeyType:   "OKP",
			Curve:     "Ed25519",
			X:         encode(key),
			KeyID:     KeyID(key),
			Use:       "sig",
			Algorithm: algorithm,
		})
	}
	text, _ := json.MarshalIndent(set, "", "  ") // strings only
	return append(text, '\n')
}

// MarshalPEM returns public keys as blocks of PEM, as OpenSSL reads them.
func MarshalPEM(keys []ed25519.PublicKey) ([]byte, error) {
	var out bytes.Buffer
	for _, key := range keys {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, fmt.Errorf("write a public key: %w", err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
			return nil, fmt.Errorf("write a public key: %w", err)
		}
	}
	return out.Bytes(), nil
}

// ParseKeys reads public keys: a JWK set, a single JWK, or blocks of PEM. Keys of other kinds in a set are skipped, as
// RFC 7517 demands.
func ParseKeys(text []byte) ([]ed25519.PublicKey, error) {
	parse := parsePEM
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		parse = parseJWKS
	}
	keys, err := parse(text)
	if err == nil && len(keys) == 0 {
		err = errors.New("has no public key for Ed25519, as a JWK set or as PEM")
	}
	return keys, err
}

func parseJWKS(text []byte) ([]ed25519.PublicKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
		jwk
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("is not a JWK set")
	}
	var keys []ed25519.PublicKey
	for _, k := range append(set.Keys, set.jwk) {
		if k.KeyType != "OKP" || k.Curve != "Ed25519" {
			continue
		}
		key, err := decode(k.X)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, errors.New("has a key that is not of 32 bytes")
		}
		if k.KeyID != "" && k.KeyID != KeyID(key) {
			return nil, errors.New("has a key whose kid is not its thumbprint")
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parsePEM(text []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return keys, nil
		}
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("has a block %.40q; only public keys are read", block.Type)
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("has a public key that cannot be read")
		}
		if key, ok := parsed.(ed25519.PublicKey); ok {
			keys = append(keys, key)
		}
	}
}
