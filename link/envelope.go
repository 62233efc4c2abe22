package link

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is returned for a link or form that this program did not sign, or
// that was changed.
var ErrInvalid = errors.New("invalid link")

// MAC authenticates messages with keys that rotate. Each purpose has keys of its
// own, so what is good for one is not for another.
type MAC interface {
	// MAC returns the MAC of the message under the current key, and its ID.
	MAC(purpose string, msg []byte) (keyID string, mac []byte)
	// VerifyMAC returns an error unless mac is the MAC of the message under the
	// key of that ID. It compares in constant time.
	VerifyMAC(purpose, keyID string, msg, mac []byte) error
}

// The purposes. They are part of what is signed: never change them.
const (
	purposeLink   = "link"
	purposeForm   = "form"
	purposeButton = "button"
)

// version begins every envelope. A new format takes a new one, and the old must
// be read for as long as links of it are out.
const version = "1"

// maxText is the longest envelope, in characters: as long as URLs may safely be.
// The longest that the domain's limits allow is some 1,000.
const maxText = 2048

// encoding is base64url without padding: it needs no escapes in a URL's path, and a
// mail reader does not end the link at it.
func encoding() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// sealEnvelope returns "1.payload.key.mac", the three in base64url. The MAC also covers
// bound, which the reader must have from elsewhere.
func sealEnvelope(m MAC, purpose string, payload, bound []byte) string {
	keyID, mac := m.MAC(purpose, authenticatedMessage(purpose, payload, bound))
	return joinEnvelope(payload, []byte(keyID), mac)
}

func joinEnvelope(parts ...[]byte) string {
	var text strings.Builder
	text.WriteString(version)
	for _, p := range parts {
		text.WriteString("." + encoding().EncodeToString(p))
	}
	return text.String()
}

// openEnvelope returns the payload of an envelope that seal made with the same purpose
// and bound.
func openEnvelope(m MAC, purpose, text string, bound []byte) ([]byte, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: longer than %d characters", ErrInvalid, maxText)
	}
	fields := strings.Split(text, ".")
	if fields[0] != version {
		return nil, fmt.Errorf("%w: not of version %s", ErrInvalid, version)
	}
	if len(fields) != 4 {
		return nil, fmt.Errorf("%w: not of three parts", ErrInvalid)
	}
	var parts [3][]byte
	for i := range parts {
		var err error
		if parts[i], err = encoding().DecodeString(fields[i+1]); err != nil {
			return nil, fmt.Errorf("%w: not base64url", ErrInvalid)
		}
	}
	if joinEnvelope(parts[:]...) != text { // base64 skips line ends
		return nil, fmt.Errorf("%w: not in its one form", ErrInvalid)
	}
	if m.VerifyMAC(purpose, string(parts[1]), authenticatedMessage(purpose, parts[0], bound), parts[2]) != nil {
		return nil, fmt.Errorf("%w: wrong signature", ErrInvalid)
	}
	return parts[0], nil
}

// authenticatedMessage is what is authenticated. Its parts cannot run into each other.
func authenticatedMessage(purpose string, payload, bound []byte) []byte {
	msg := appendBytes([]byte("approval-relay/link/"+version+"\x00"), []byte(purpose))
	return appendBytes(appendBytes(msg, payload), bound)
}

// appendBytes appends the length of p and p.
func appendBytes(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// cutBytes undoes appendBytes.
func cutBytes(b []byte) (p, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n], b[n:], true
}
