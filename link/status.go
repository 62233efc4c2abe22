package link

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// StatusURL returns the link of a requester: the base URL, "/s/" and the StatusToken. It shows an approval and never decides
// it: it has a purpose of its own, so that neither page opens the link of the other.
func (l *Links) StatusURL(c approval.Capability) string { return l.status + l.StatusToken(c) }

// StatusToken returns the signed form of the capability of a requester.
func (l *Links) StatusToken(c approval.Capability) string {
	c.Allowed = nil
	return sealEnvelope(l.mac, purposeStatus, encodeCapability(c), nil)
}

// OpenStatus reads the token of a requester's link. Its errors are the errors of OpenLink.
func (l *Links) OpenStatus(token string, now time.Time) (approval.Capability, error) {
	return l.open(purposeStatus, token, decodeCapability, now)
}
