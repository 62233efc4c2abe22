package webhook

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// NewGitHub returns a verifier of GitHub's webhooks: HMAC-SHA256 of the body, hex,
// in X-Hub-Signature-256
// (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
// There is no time in it: a delivery that is sent again is known by its body.
func NewGitHub(texts ...string) (*HMAC, error) {
	return NewHMAC(HMACConfig{
		Header:   "X-Hub-Signature-256",
		Prefix:   "sha256=",
		Encoding: "hex",
		Secrets:  texts,
	})
}

// schemeTolerance is how far the time of sending may be from ours: five minutes,
// as Slack and Stripe have it in their own libraries.
const schemeTolerance = 5 * time.Minute

// Slack verifies what Slack sends: HMAC-SHA256 of v0:TIMESTAMP:BODY, hex
// (https://docs.slack.dev/authentication/verifying-requests-from-slack).
type Slack struct{ secrets []secret }

// NewSlack returns a verifier that takes a signature with any of the app's
// signing secrets.
func NewSlack(texts ...string) (*Slack, error) {
	list, err := secrets(texts, asIs)
	if err != nil {
		return nil, err
	}
	return &Slack{list}, nil
}

// Verify implements Verifier.
func (v *Slack) Verify(now time.Time, header http.Header, body []byte) error {
	const signature, timestamp = "X-Slack-Signature", "X-Slack-Request-Timestamp"
	value, err := one(header, signature)
	if err != nil {
		return err
	}
	sent, err := one(header, timestamp)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(value, "v0=")
	got, err := hex.DecodeString(text)
	if !ok || err != nil {
		return fmt.Errorf("header %s: %w", signature, ErrMalformed)
	}
	if err := fresh(sent, now, schemeTolerance); err != nil {
		return err
	}
	return matches(v.secrets, append([]byte("v0:"+sent+":"), body...), got)
}

// Stripe verifies signatures as Stripe sends them, and others after it: a list
// t=TIMESTAMP,v1=SIGNATURE,… in one header, HMAC-SHA256 of TIMESTAMP.BODY, hex
// (https://docs.stripe.com/webhooks#verify-manually). While secrets rotate there
// are several v1; other versions are not looked at, so that nobody can choose a
// weaker one.
type Stripe struct {
	header  string
	secrets []secret
}

// NewStripe returns a verifier that takes a signature with any of the secrets. An
// empty header is Stripe's own.
func NewStripe(header string, texts ...string) (*Stripe, error) {
	list, err := secrets(texts, asIs)
	if err != nil {
		return nil, err
	}
	if header == "" {
		header = "Stripe-Signature"
	}
	return &Stripe{header, list}, nil
}

// Verify implements Verifier.
func (v *Stripe) Verify(now time.Time, header http.Header, body []byte) error {
	value, err := one(header, v.header)
	if err != nil {
		return err
	}
	sent, signatures, err := parseStripe(value)
	if err != nil {
		return fmt.Errorf("header %s: %w", v.header, err)
	}
	if err := fresh(sent, now, schemeTolerance); err != nil {
		return err
	}
	return matches(v.secrets, append([]byte(sent+"."), body...), signatures...)
}

// parseStripe reads the list. A second time is malformed: which of the two was
// signed is not for us to guess.
func parseStripe(value string) (sent string, signatures [][]byte, err error) {
	for part := range strings.SplitSeq(value, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "t" && sent == "":
			sent = text
		case name == "t":
			return "", nil, ErrMalformed
		case name == "v1" && len(signatures) < maxSignatures:
			got, err := hex.DecodeString(text)
			if err != nil {
				return "", nil, ErrMalformed
			}
			signatures = append(signatures, got)
		}
	}
	if sent == "" || len(signatures) == 0 {
		return "", nil, ErrMissing
	}
	return sent, signatures, nil
}
