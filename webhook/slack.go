package webhook

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

// vendorTolerance is how far the time of sending may be from our time. Slack and Stripe use five minutes in their own
// libraries.
const vendorTolerance = 5 * time.Minute

// Slack verifies the requests of Slack: HMAC-SHA256 of v0:TIMESTAMP:BODY, hex
// (https://docs.slack.dev/authentication/verifying-requests-from-slack).
type Slack struct{ secrets []secret.Text }

// NewSlack returns a verifier that accepts a signature with any of the app's signing secrets.
func NewSlack(signingSecrets ...string) (*Slack, error) {
	secrets, err := parseSecrets(signingSecrets, decodePlain)
	if err != nil {
		return nil, err
	}
	return &Slack{secrets}, nil
}

// Verify implements Verifier.
func (v *Slack) Verify(now time.Time, r Request) error {
	header, body := r.Header, r.Body
	const signature, timestamp = "X-Slack-Signature", "X-Slack-Request-Timestamp"
	value, err := singleHeader(header, signature)
	if err != nil {
		return err
	}
	sent, err := singleHeader(header, timestamp)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(value, "v0=")
	got, err := hex.DecodeString(text)
	if !ok || err != nil {
		return refuse(refusal.Malformed, signature, "the header %s is not v0= and hex", signature)
	}
	if err := checkSendTime(timestamp, sent, now, vendorTolerance); err != nil {
		return err
	}
	if !matchSHA256(v.secrets, append([]byte("v0:"+sent+":"), body...), got) {
		return mismatch(signature)
	}
	return nil
}
