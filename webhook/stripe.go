package webhook

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Stripe verifies signatures in the form of Stripe, which other services use as well: a list
// t=TIMESTAMP,v1=SIGNATURE,… in a header, HMAC-SHA256 of TIMESTAMP.BODY, hex
// (https://docs.stripe.com/webhooks#verify-manually). While secrets rotate, the list has several v1. Other versions
// are ignored, so that an attacker cannot choose a weaker version.
type Stripe struct {
	header  string
	secrets []secret.Text
}

// NewStripe returns a verifier that accepts a signature with any of the secrets. An empty header means
// Stripe-Signature.
func NewStripe(header string, signingSecrets ...string) (*Stripe, error) {
	secrets, err := parseSecrets(signingSecrets, decodePlain)
	if err != nil {
		return nil, setup.InField("secrets", err)
	}
	if header == "" {
		header = "Stripe-Signature"
	}
	return &Stripe{header, secrets}, nil
}

// Verify implements Verifier.
func (v *Stripe) Verify(now time.Time, r Request) error {
	header, body := r.Header, r.Body
	value, err := singleHeader(header, v.header)
	if err != nil {
		return err
	}
	sent, signatures, err := v.parse(value)
	if err != nil {
		return err
	}
	if err := checkSendTime(v.header, sent, now, vendorTolerance); err != nil {
		return err
	}
	if !matchSHA256(v.secrets, append([]byte(sent+"."), body...), signatures...) {
		return mismatch(v.header)
	}
	return nil
}

// parse reads the list. A second time is refused, because it is unknown which of the two was signed.
func (v *Stripe) parse(value string) (sent string, signatures [][]byte, err error) {
	for part := range strings.SplitSeq(value, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "t" && sent == "":
			sent = text
		case name == "t":
			return "", nil, refuse(refusal.Malformed, v.header, "the header %s has more than one time (t=)", v.header)
		case name == "v1" && len(signatures) < maxSignatures:
			got, err := hex.DecodeString(text)
			if err != nil {
				return "", nil, refuse(refusal.Malformed, v.header, "the signature (v1=) in the header %s is not hex", v.header)
			}
			signatures = append(signatures, got)
		}
	}
	if sent == "" {
		return "", nil, refuse(refusal.Missing, v.header, "the header %s has no time (t=)", v.header)
	}
	if len(signatures) == 0 {
		return "", nil, refuse(refusal.Missing, v.header, "the header %s has no signature (v1=)", v.header)
	}
	return sent, signatures, nil
}
