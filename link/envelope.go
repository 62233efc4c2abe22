package link

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is returned for a link or form that this program did not sign, or that was changed afterwards.
var ErrInvalid = errors.New("invalid link")

// MAC authenticates messages with keys that rotate. Each purpose has its own keys, so that a signature for a purpose is
// worthless for every other.
type MAC interface {
	// MAC returns the MAC of the message under the current key, and the ID of that key.
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	// VerifyMAC returns an error unless mac is the MAC of the message under the key with this ID. It compares in
	// constant time.
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// The purposes of signatures. They are part of the signed message: never change them.
const (
	purposeLink   = "link"
	purposeForm   = "form"
	purposeButton = "button"
	purposeStatus = "status"
)

// version begins every envelope. A new format gets a new version. The old version must stay readable as long as its
// links are valid.
const version = "1"

// maxText is the longest envelope, in characters; longer URLs are not safe everywhere. The limits of the domain keep
// envelopes below about 1,000 characters.
const maxText = 2048

// encoding returns base64url without padding: the path of a URL needs no escapes for it, and mail readers do not cut a
// link at one of its characters.
func encoding() *base64.Encoding { return strictEncoding }

var strictEncoding = base64.RawURLEncoding.Strict()

// sealEnvelope returns "1.payload.key.mac", with payload, key ID and MAC in base64url. The MAC also covers context,
// which the reader must know from elsewhere.
func sealEnvelope(m MAC, purpose string, payload, context []byte) string {
	keyID, mac := m.MAC(purpose, authenticatedMessage(purpose, payload, context))
	return joinEnvelope(payload, []byte(keyID), mac)
}

func joinEnvelope(payload, keyID, mac []byte) string {
	size := len(version) + 3
	for _, p := range [...][]byte{payload, keyID, mac} {
		size += encoding().EncodedLen(len(p))
	}
	text := append(make([]byte, 0, size), version...)
	for _, p := range [...][]byte{payload, keyID, mac} {
		text = encoding().AppendEncode(append(text, '.'), p)
	}
	return string(text)
}

// openEnvelope returns the payload of an envelope that sealEnvelope made for the same purpose and context.
func openEnvelope(m MAC, purpose, text string, context []byte) ([]byte, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: longer than %d characters", ErrInvalid, maxText)
	}
	fields := strings.Split(text, ".")
	if fields[0] != version {
		return nil, fmt.Errorf("%w: version is not %s", ErrInvalid, version)
	}
	if len(fields) != 4 {
		return nil, fmt.Errorf("%w: not three parts after the version", ErrInvalid)
	}
	var parts [3][]byte
	for i := range parts {
		var err error
		if parts[i], err = encoding().DecodeString(fields[i+1]); err != nil {
			return nil, fmt.Errorf("%w: not base64url", ErrInvalid)
		}
	}
	payload := parts[0]
	keyID := parts[1]
	mac := parts[2]
	if joinEnvelope(payload, keyID, mac) != text { // the decoder of base64 skips line ends
		return nil, fmt.Errorf("%w: not in canonical form", ErrInvalid)
	}
	if m.VerifyMAC(purpose, string(keyID), authenticatedMessage(purpose, payload, context), mac) != nil {
		return nil, fmt.Errorf("%w: wrong signature", ErrInvalid)
	}
	return payload, nil
}

// authenticatedMessage returns the message that is signed. Each part is preceded by its length, so that different parts
// never give the same message.
func authenticatedMessage(purpose string, payload, context []byte) []byte {
	const prefix = "approval-relay/link/" + version + "\x00"
	msg := make([]byte, 0, len(prefix)+len(purpose)+len(payload)+len(context)+3*binary.MaxVarintLen32)
	msg = appendBytes(append(msg, prefix...), purpose)
	return appendBytes(appendBytes(msg, payload), context)
}

// appendBytes appends the length of p, then p.
func appendBytes[T string | []byte](b []byte, p T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// cutBytes reverses appendBytes.
func cutBytes(b []byte) (p, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n], b[n:], true
}
