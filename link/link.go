// Package link makes and reads signed links: what an approver gets in a message,
// and what the decision page's form carries. A link holds no task token. It is a
// capability that says what it allows and until when; the record of its order
// can revoke it (approval.Approval.Allows).
package link

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Links makes and reads links. It is safe for concurrent use if its MAC is.
type Links struct {
	mac  MAC
	base string
}

// NewLinks returns Links below the base URL: the one at which people reach us, with
// the prefix that a proxy takes away. It is configured, never taken from a
// request's Host header, which its sender chooses. Query and fragment are dropped.
func NewLinks(mac MAC, base *url.URL) *Links {
	b := url.URL{
		Scheme:  base.Scheme,
		Host:    base.Host,
		Path:    base.Path,
		RawPath: base.RawPath,
	}
	return &Links{mac: mac, base: b.JoinPath("a").String() + "/"}
}

// URL returns the link of a capability: the base URL, "/a/" and Token.
func (l *Links) URL(c approval.Capability) string { return l.base + l.LinkToken(c) }

// ButtonToken returns what a button in a chat carries: which approval it is about. A
// link it is not; who pressed it is for the chat to say, and whether they may
// decide for the record.
func (l *Links) ButtonToken(c approval.Capability) string {
	c.Approver, c.Nonce, c.Allowed = "", "", nil
	return sealEnvelope(l.mac, purposeButton, encodeCapability(c), nil)
}

// OpenButton reads what Button made. Its errors are those of Open.
func (l *Links) OpenButton(token string, now time.Time) (approval.Capability, error) {
	return l.openCapability(purposeButton, token, now)
}

// LinkToken returns the signed form of a capability. Its expiry is cut to seconds.
func (l *Links) LinkToken(c approval.Capability) string {
	return sealEnvelope(l.mac, purposeLink, encodeCapability(c), nil)
}

// OpenLink reads a link's token. The error is ErrInvalid, or approval.ErrExpired for a link
// that is ours and whose time has passed. It does not know of revocation: ask
// approval.Approval.Allows.
func (l *Links) OpenLink(token string, now time.Time) (approval.Capability, error) {
	return l.openCapability(purposeLink, token, now)
}

func (l *Links) openCapability(purpose, token string, now time.Time) (approval.Capability, error) {
	payload, err := openEnvelope(l.mac, purpose, token, nil)
	if err != nil {
		return approval.Capability{}, err
	}
	c, ok := decodeCapability(payload)
	if !ok {
		return approval.Capability{}, fmt.Errorf("%w: payload not in its one form", ErrInvalid)
	}
	if !c.Expires.After(now) {
		return approval.Capability{}, approval.ErrExpired
	}
	return c, nil
}

// The bits of the decisions that a link allows.
const (
	bitApprove = 1 << iota
	bitReject
)

// encodeCapability writes a capability: order, approval, approver and nonce, each after
// its length; a byte with a bit for each decision; the expiry in Unix seconds,
// eight bytes big-endian.
func encodeCapability(c approval.Capability) []byte {
	var b []byte
	for _, text := range []string{c.OrderID, c.ApprovalID, c.Approver, c.Nonce} {
		b = appendBytes(b, []byte(text))
	}
	var bits byte
	if slices.Contains(c.Allowed, approval.Approve) {
		bits |= bitApprove
	}
	if slices.Contains(c.Allowed, approval.Reject) {
		bits |= bitReject
	}
	return binary.BigEndian.AppendUint64(append(b, bits), uint64(c.Expires.Unix()))
}

// decodeCapability undoes encode, and takes nothing that encode would write otherwise.
func decodeCapability(payload []byte) (approval.Capability, bool) {
	var c approval.Capability
	rest := payload
	for _, text := range []*string{&c.OrderID, &c.ApprovalID, &c.Approver, &c.Nonce} {
		p, after, ok := cutBytes(rest)
		if !ok {
			return approval.Capability{}, false
		}
		*text, rest = string(p), after
	}
	if len(rest) != 1+8 {
		return approval.Capability{}, false
	}
	if rest[0]&bitApprove != 0 {
		c.Allowed = append(c.Allowed, approval.Approve)
	}
	if rest[0]&bitReject != 0 {
		c.Allowed = append(c.Allowed, approval.Reject)
	}
	c.Expires = time.Unix(int64(binary.BigEndian.Uint64(rest[1:])), 0).UTC()
	return c, bytes.Equal(encodeCapability(c), payload)
}
