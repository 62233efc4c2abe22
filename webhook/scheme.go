package webhook

import (
	"context"
	"time"
)

// Scheme verifies the requests of a third party. It has a Verifier or an Envelope.
type Scheme struct {
	// Verifier checks a request with the message as its body.
	Verifier Verifier
	// Envelope checks a request with an envelope around the message as its body.
	Envelope Envelope
	// SignedID reports whether the scheme's signature covers the header webhook-id. If it does not, the header is
	// ignored, because a replay could change it.
	SignedID bool
}

// Envelope verifies and opens the envelopes of Amazon SNS.
type Envelope interface {
	// Open returns the message in an envelope. See SNS.Open for its errors.
	Open(ctx context.Context, now time.Time, body []byte) (SNSMessage, error)
}

// Settings are the settings of a kind of scheme: a struct with yaml and doc tags. It may also implement
// setup.Defaulter and setup.Validator. Package config has the list of all kinds.
type Settings interface {
	// Scheme returns the scheme. It is called after SetDefaults. Its error is about the settings: it names the field
	// and never quotes a secret.
	Scheme() (Scheme, error)
}
