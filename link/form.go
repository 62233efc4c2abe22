package link

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// FormTTL is how long the form of an open page is accepted. After that, the person sees the page again, in its current
// state.
const FormTTL = time.Hour

// FormNonce returns the nonce in the form of a decision page. It proves that the sender saw that page, for that link,
// within FormTTL. A GET never decides, and a POST decides only with the nonce: neither a mail scanner that posts to the
// link nor another site has it. The argument shown is a digest of the page's view of the order. If that view
// changes before the form is sent, the nonce is no longer valid.
func (l *Links) FormNonce(c approval.Capability, shown []byte, now time.Time) string {
	expires := binary.BigEndian.AppendUint64(nil, uint64(now.Add(FormTTL).Unix()))
	return sealEnvelope(l.mac, purposeForm, expires, formContext(c, shown))
}

// VerifyForm returns nil if FormNonce made the nonce for the same link and page, at most FormTTL ago. Otherwise it
// returns ErrInvalid or approval.ErrExpired.
func (l *Links) VerifyForm(c approval.Capability, shown []byte, nonce string, now time.Time) error {
	payload, err := openEnvelope(l.mac, purposeForm, nonce, formContext(c, shown))
	if err != nil {
		return err
	}
	if len(payload) != 8 {
		return fmt.Errorf("%w: no expiry", ErrInvalid)
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(payload)) {
		return approval.ErrExpired
	}
	return nil
}

// formContext returns the bytes that a form is bound to: the digest of the page, and the whole capability with the
// nonce, approval and approver of its link.
func formContext(c approval.Capability, shown []byte) []byte {
	return appendBytes(encodeCapability(c), shown)
}
