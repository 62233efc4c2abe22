// Package link makes and reads signed links: the link that an approver gets in a message, the value of a button in a
// chat, and the nonce in the form of the decision page. A link contains no task token. It is a capability with its
// rights and its expiry. The record of the order can revoke it, see approval.Approval.AcceptsCapability.
package link

import (
	"fmt"
	"net/url"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Links makes and reads links. It is safe for concurrent use if its MAC is.
type Links struct {
	mac    MAC
	base   string // of the links of approvers
	status string // of the links of requesters
}

// NewLinks returns Links below a base URL: the URL at which people reach us, with the prefix that a proxy removes. The
// base URL is configured, never taken from a request's Host header, because the sender of a request chooses that. Query
// and fragment are dropped.
func NewLinks(mac MAC, base *url.URL) *Links {
	b := url.URL{
		Scheme:  base.Scheme,
		Host:    base.Host,
		Path:    base.Path,
		RawPath: base.RawPath,
	}
	return &Links{mac: mac, base: b.JoinPath("a").String() + "/", status: b.JoinPath("s").String() + "/"}
}

// URL returns the link of a capability: the base URL, "/a/" and the LinkToken.
func (l *Links) URL(c approval.Capability) string { return l.base + l.LinkToken(c) }

// LinkToken returns the signed form of a capability. Its expiry is truncated to seconds.
func (l *Links) LinkToken(c approval.Capability) string {
	return sealEnvelope(l.mac, purposeLink, encodeCapability(c), nil)
}

// OpenLink reads the token of a link. The error is ErrInvalid, or approval.ErrExpired for a valid link whose time has
// passed; then the capability is returned too, because the deadline may have been extended since. OpenLink does not know
// about that, nor about revocation: ask approval.Approval.AcceptsCapability.
func (l *Links) OpenLink(token string, now time.Time) (approval.Capability, error) {
	return l.open(purposeLink, token, decodeCapability, now)
}

// IsOurs reports whether we made the token of a link, however old it is.
func (l *Links) IsOurs(token string) bool {
	_, err := l.OpenLink(token, time.Time{})
	_, statusErr := l.OpenStatus(token, time.Time{})
	return err == nil || statusErr == nil
}

// ButtonToken returns the value of a button in a chat. It names the approval and the content that its message shows, so
// it is not a link: the chat identifies the person who pressed the button, and the record decides whether that person
// may decide.
func (l *Links) ButtonToken(c approval.Capability) string {
	c.Approver = ""
	c.Nonce = ""
	c.Allowed = nil
	return sealEnvelope(l.mac, purposeButton, encodeButton(c), nil)
}

// OpenButton reads the value of a button. Its errors are the errors of OpenLink.
func (l *Links) OpenButton(token string, now time.Time) (approval.Capability, error) {
	return l.open(purposeButton, token, decodeButton, now)
}

func (l *Links) open(
	purpose, token string, decode func([]byte) (approval.Capability, bool), now time.Time,
) (approval.Capability, error) {
	payload, err := openEnvelope(l.mac, purpose, token, nil)
	if err != nil {
		return approval.Capability{}, err
	}
	c, ok := decode(payload)
	if !ok {
		return approval.Capability{}, fmt.Errorf("%w: payload not in canonical form", ErrInvalid)
	}
	if !c.Expires.After(now) {
		return c, approval.ErrExpired
	}
	return c, nil
}
