package webhook

import (
	"cmp"

	"github.com/approval-relay/approval-relay/secret"
)

// NewStripe returns a verifier of signatures in the form of Stripe, which other services use as well: a list
// t=TIMESTAMP,v1=SIGNATURE,… in a header, HMAC-SHA256 of TIMESTAMP.BODY, hex
// (https://docs.stripe.com/webhooks#verify-manually). While secrets rotate, the list has several v1. Other versions
// are ignored, so that an attacker cannot choose a weaker version. An empty header means Stripe-Signature.
func NewStripe(header string, signingSecrets ...string) (*HMAC, error) {
	return NewHMAC(stripeSettings(header, secret.NewAll(signingSecrets)))
}

func stripeSettings(header string, secrets []secret.Text) HMACSettings {
	return HMACSettings{
		Header:          cmp.Or(header, "Stripe-Signature"),
		Parameters:      &Parameters{Signature: "v1", Timestamp: "t"},
		TimestampFormat: "unix",
		Tolerance:       vendorTolerance,
		Secrets:         secrets,
	}
}
