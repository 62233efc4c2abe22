package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

// Scheme verifies the requests of a third party. It has a Verifier or an Envelope.
type Scheme struct {
	// Verifier checks a request with the message as its body.
	Verifier Verifier
	// Envelope checks a request with an envelope around the message as its body.
	Envelope Envelope
	// CoversRequest reports whether the credential vouches for the whole request, as a bearer token does. A signature
	// covers the body only, so that the headers of a request with it, its Content-Type too, may be anybody's.
	CoversRequest bool
	// IDHeaders are the headers that may have the ID of the message, if a credential or signature covers them. The
	// first that was sent counts, see DeliveryID. A header that is not covered is no ID, because a replay could change
	// it.
	IDHeaders []string
	// Headers are the headers in which the credential or signature is looked for, the most important first. They are
	// told to whoever was refused. Schemes that trust a header of a proxy leave them empty.
	Headers []string
	// Parameter is the query parameter in which the credential is looked for.
	Parameter string
	// CredentialHeader is a header that has a secret as it is. It never reaches expressions, logs or records.
	CredentialHeader string
	// Reply makes the answer of a text, for senders that show their answer to a person, such as a chat. It is written as
	// JSON. Nil means the usual answers.
	Reply func(text string) any
	// Challenge is the value of WWW-Authenticate in answers with status 401, see RFC 9110, section 11.6.1.
	Challenge string
	// Handshake answers the sender's check of the endpoint. Nil means that there is none.
	Handshake Handshake
	// Body is the format in which bodies are read, unless the configuration names another. Empty means body.Auto for a
	// request that is covered, and body.JSON otherwise.
	Body body.Format

	// refusesChallenges means that a message that is an opaque text is refused: by a handshake, of this scheme or of another
	// with the same secret, anybody can learn the signature of such a text.
	refusesChallenges bool
	keys              []secret.Text // the secrets of signatures, for handshakes that prove their possession
}

// BodyFormat returns the format in which bodies are read, unless the configuration names another.
func (s Scheme) BodyFormat() body.Format {
	switch {
	case s.Body != "":
		return s.Body
	case s.CoversRequest:
		return body.Auto
	}
	return body.JSON
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

// Verify checks a request by the scheme's Verifier. The public part of a refusal is the same for all reasons.
func (s Scheme) Verify(now time.Time, r Request) error {
	err := s.Verifier.Verify(now, r)
	if err == nil && s.refusesChallenges && isOpaque(string(r.Body)) {
		err = refuse(refusal.Mismatch, "body", "the body is a text that could be the challenge of a handshake")
	}
	return s.Publish(err)
}

// DeliveryID returns the ID of a verified message, or the empty text if the sender has sent none that is covered.
func (s Scheme) DeliveryID(h http.Header) string {
	for _, name := range s.IDHeaders {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// Publish gives a refusal its public part: the same sentence and field for all reasons, so that the sender learns where
// its credential is looked for, and nothing about the reason. It returns other errors as they are.
func (s Scheme) Publish(err error) error {
	refused, ok := errors.AsType[*refusal.Error](err)
	if !ok {
		return err
	}
	public := *refused
	public.Public, public.PublicField = s.publicText()
	return &public
}

func (s Scheme) publicText() (text, field string) {
	const general = "the credential or signature is missing or wrong"
	switch {
	case s.Parameter != "":
		return general + ": looked for in the query parameter " + s.Parameter, s.Parameter
	case len(s.Headers) == 0:
		return general, ""
	case len(s.Headers) == 1:
		return general + ": looked for in the header " + s.Headers[0], s.Headers[0]
	}
	return general + ": looked for in the headers " + strings.Join(s.Headers, ", "), s.Headers[0]
}

// challengeOf returns a challenge with a parameter.
func challengeOf(scheme string, parameter ...string) string {
	var text strings.Builder
	text.WriteString(scheme + ` realm="approval-relay"`)
	for i := 0; i+1 < len(parameter); i += 2 {
		fmt.Fprintf(&text, `, %s=%q`, parameter[i], parameter[i+1])
	}
	return text.String()
}

// isToken reports whether a text can be the name of an authentication scheme.
func isToken(text string) bool {
	return text != "" && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
