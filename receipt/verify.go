package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/canonical"
)

// Verified is a receipt whose signature is valid.
type Verified struct {
	Receipt Receipt
	KeyID   string
	Payload json.RawMessage // the statement as it was signed
}

// Verify verifies a text that has a receipt: the receipt itself, a JSON object with a member "receipt", or a whole
// answer. The fields of an answer have to agree with its receipt, because programs branch on them.
func Verify(text []byte, keys []ed25519.PublicKey) (Verified, error) {
	compact := strings.TrimSpace(string(text))
	var answer map[string]json.RawMessage
	if strings.HasPrefix(compact, "{") {
		var err error
		if compact, answer, err = receiptOf(text); err != nil {
			return Verified{}, err
		}
	}
	payload, keyID, err := open(compact, keys)
	if err != nil {
		return Verified{}, err
	}
	r, err := parse(payload)
	if err != nil {
		return Verified{}, err
	}
	if err := r.compare(answer); err != nil {
		return Verified{}, err
	}
	return Verified{Receipt: r, KeyID: keyID, Payload: payload}, nil
}

// receiptOf returns the receipt in a JSON object, and the object.
func receiptOf(text []byte) (string, map[string]json.RawMessage, error) {
	v, err := canonical.Parse(text)
	if err != nil {
		return "", nil, fmt.Errorf("the answer %w", err)
	}
	for _, m := range v.Members {
		if len(v.All(m.Name)) > 1 { // readers of JSON disagree about them
			return "", nil, fmt.Errorf("the answer has the name %.40q twice", m.Name)
		}
	}
	var answer map[string]json.RawMessage
	var compact string
	if json.Unmarshal(text, &answer) != nil || json.Unmarshal(answer["receipt"], &compact) != nil {
		return "", nil, errors.New(`the JSON has no text "receipt" at its top`)
	}
	return compact, answer, nil
}

func isTrue(value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "true" }

func isSame(a, b []byte) bool {
	x, errX := canonical.JSON(a)
	y, errY := canonical.JSON(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// CheckPayload returns an error unless the approvers have decided about this payload, as JSON. A program calls it before
// it acts on the payload.
func (r Receipt) CheckPayload(payload []byte) error {
	digest, err := canonical.Digest(payload)
	if err != nil {
		return fmt.Errorf("the payload %w", err)
	}
	if digest != r.RequestDigest {
		return fmt.Errorf("the payload is not what was decided about: its digest is %s, the receipt's is %s", digest, r.RequestDigest)
	}
	return nil
}
