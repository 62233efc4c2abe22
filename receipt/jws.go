package receipt

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/canonical"
)

// MaxLength is the length of a receipt in its compact form, at most, in bytes.
const MaxLength = 64 << 10

// Type is the value of "typ" in the header of a receipt. Other texts that we sign do not have it.
const Type = "approval-receipt+jwt"

// Purpose is the purpose of the keys that sign receipts. They sign receipts only.
const Purpose = "receipt"

// header is the protected header of the JWS.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

const algorithm = "EdDSA"

// Signer signs with the key of a purpose. The key ring is a Signer.
type Signer interface {
	Sign(purpose string, message []byte) (public ed25519.PublicKey, signature []byte)
}

// Sign returns a receipt in its compact form. The same receipt has the same text under the same key.
func Sign(s Signer, r Receipt) (string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write the receipt: %w", err)
	}
	payload, err := canonical.JSON(raw)
	if err != nil {
		return "", fmt.Errorf("write the receipt: %w", err)
	}
	public, _ := s.Sign(Purpose, nil) // the header has the key's ID, so it is needed first
	head, err := json.Marshal(header{Algorithm: algorithm, KeyID: KeyID(public), Type: Type})
	if err != nil {
		return "", fmt.Errorf("write the receipt: %w", err)
	}
	signed := encode(head) + "." + encode(payload)
	_, signature := s.Sign(Purpose, []byte(signed))
	return signed + "." + encode(signature), nil
}

// open verifies the signature of a receipt and returns its payload and the ID of its key.
func open(compact string, keys []ed25519.PublicKey) (payload []byte, keyID string, err error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil, "", errors.New("this is no receipt: it does not have three parts with dots between them")
	}
	var raw [3][]byte
	for i, part := range parts {
		if raw[i], err = decode(part); err != nil {
			return nil, "", errors.New("this is no receipt: its parts are not base64url")
		}
	}
	h, err := parseHeader(raw[0])
	if err != nil {
		return nil, "", err
	}
	for _, key := range keys {
		if KeyID(key) != h.KeyID {
			continue
		}
		if !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), raw[2]) {
			return nil, "", errors.New("the signature is not valid: the receipt was changed, or its key did not sign it")
		}
		return raw[1], h.KeyID, nil
	}
	return nil, "", fmt.Errorf("the receipt is signed with the key %.64q, which is not among the %d key(s) given", h.KeyID, len(keys))
}

// parseHeader accepts only the header that Sign writes. The key and the algorithm are never taken from the header:
// "none" and keys inside of a header are the classic attacks on JWS.
func parseHeader(raw []byte) (header, error) {
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, errors.New("this is no receipt: its header is not JSON")
	}
	switch again, err := json.Marshal(h); {
	case err != nil || string(again) != string(raw):
		return h, errors.New("this is no receipt: its header is not that of a receipt")
	case h.Algorithm != algorithm:
		return h, fmt.Errorf("the algorithm is %.20q; receipts are signed with %s", h.Algorithm, algorithm)
	case h.Type != Type:
		return h, fmt.Errorf("this is a signed text of the type %.40q and no receipt", h.Type)
	}
	return h, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode reads base64url. Every text has a single encoding: line breaks are refused, and the bits that are left over are
// zero.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // the decoder skips them
		return nil, errors.New("a line break")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}
