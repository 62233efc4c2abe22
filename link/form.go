package link

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// FormTTL is how long a page may stay open before its form is no longer taken.
// Whoever takes longer is shown the page again, as it is then.
const FormTTL = time.Hour

// FormNonce returns what the form of a decision page carries: proof that its
// sender was shown that page, for that link, within FormTTL. A GET never
// decides, and a POST only with it: a mail scanner that posts to the link has
// none, nor has another site. Shown is a hash of what the page said about the
// order; if that changes before the form is sent, the nonce no longer fits.
func (l *Links) FormNonce(c approval.Capability, shown []byte, now time.Time) string {
	expires := binary.BigEndian.AppendUint64(nil, uint64(now.Add(FormTTL).Unix()))
	return sealEnvelope(l.mac, purposeForm, expires, formContext(c, shown))
}

// VerifyForm returns nil if the nonce was made by FormNonce for the same link and
// the same page at most FormTTL ago, else ErrInvalid or approval.ErrExpired.
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

// formContext is what a form belongs to. The whole capability stands for its link's
// nonce, approval and approver.
func formContext(c approval.Capability, shown []byte) []byte {
	return appendBytes(encodeCapability(c), shown)
}
