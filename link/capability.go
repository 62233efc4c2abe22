package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// The bits of the decisions that a link allows.
const (
	bitApprove = 1 << iota
	bitReject
	bitReturn
	bitAbstain
)

// bits are the bits by outcome, in the order in which a capability lists the outcomes.
var bits = []struct {
	outcome approval.Outcome
	bit     byte
}{
	{approval.Approve, bitApprove},
	{approval.Reject, bitReject},
	{approval.Return, bitReturn},
	{approval.Abstain, bitAbstain},
}

// encodeCapability writes a capability: order, approval, approver and nonce, each after its length; a byte with a bit
// for each allowed decision; the expiry in Unix seconds, eight bytes big-endian.
func encodeCapability(c approval.Capability) []byte {
	texts := [...]string{c.OrderID, c.ApprovalID, c.Approver, c.Nonce}
	size := 1 + 8 + sha256.Size // a button has a digest
	for _, text := range texts {
		size += len(text) + binary.MaxVarintLen32
	}
	b := make([]byte, 0, size)
	for _, text := range texts {
		b = appendBytes(b, text)
	}
	var allowed byte
	for _, each := range bits {
		if slices.Contains(c.Allowed, each.outcome) {
			allowed |= each.bit
		}
	}
	return binary.BigEndian.AppendUint64(append(b, allowed), uint64(c.Expires.Unix()))
}

// decodeCapability reverses encodeCapability. It accepts only the canonical form, the bytes that encodeCapability
// writes.
func decodeCapability(payload []byte) (approval.Capability, bool) {
	var c approval.Capability
	rest := payload
	for _, text := range []*string{&c.OrderID, &c.ApprovalID, &c.Approver, &c.Nonce} {
		p, after, ok := cutBytes(rest)
		if !ok {
			return approval.Capability{}, false
		}
		*text = string(p)
		rest = after
	}
	if len(rest) != 1+8 {
		return approval.Capability{}, false
	}
	for _, each := range bits {
		if rest[0]&each.bit != 0 {
			c.Allowed = append(c.Allowed, each.outcome)
		}
	}
	c.Expires = time.Unix(int64(binary.BigEndian.Uint64(rest[1:])), 0).UTC()
	return c, bytes.Equal(encodeCapability(c), payload)
}

// encodeButton writes the capability of a button: the capability, and the 32 bytes of the digest of the content that the
// button's message shows. Buttons of older versions lack the digest.
func encodeButton(c approval.Capability) []byte {
	b := encodeCapability(c)
	if digest, err := hex.DecodeString(c.Shown); err == nil && len(digest) == sha256.Size {
		b = append(b, digest...)
	}
	return b
}

// decodeButton reverses encodeButton.
func decodeButton(payload []byte) (approval.Capability, bool) {
	if c, ok := decodeCapability(payload); ok {
		return c, true
	}
	n := len(payload) - sha256.Size
	if n < 0 {
		return approval.Capability{}, false
	}
	c, ok := decodeCapability(payload[:n])
	c.Shown = hex.EncodeToString(payload[n:])
	return c, ok
}
