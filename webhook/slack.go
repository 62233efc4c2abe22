package webhook

import (
	"time"

	"github.com/approval-relay/approval-relay/secret"
)

// vendorTolerance is how far the time of sending may be from our time. Slack and Stripe use five minutes in their own
// libraries.
const vendorTolerance = 5 * time.Minute

// NewSlack returns a verifier of the requests of Slack, with any of the app's signing secrets: HMAC-SHA256 of
// v0:TIMESTAMP:BODY, hex (https://docs.slack.dev/authentication/verifying-requests-from-slack).
//
// An error about a secret names its place in the list only, because the list has another name in the settings of a
// channel.
func NewSlack(signingSecrets ...string) (*HMAC, error) {
	if _, err := parseSecrets(signingSecrets, decodePlain); err != nil {
		return nil, err
	}
	return NewHMAC(slackSettings(secret.NewAll(signingSecrets)))
}

func slackSettings(secrets []secret.Text) HMACSettings {
	return HMACSettings{
		Header:          "X-Slack-Signature",
		Prefix:          "v0=",
		Signed:          "v0:{timestamp}:{body}",
		TimestampHeader: "X-Slack-Request-Timestamp",
		TimestampFormat: "unix",
		Tolerance:       vendorTolerance,
		Secrets:         secrets,
	}
}
