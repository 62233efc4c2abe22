package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/metadata"
)

// MaxBody is the largest body of a request, in bytes. It is SQS's own limit.
const MaxBody = 1 << 20

// errBody is returned when the connection ends before the body does.
var errBody = errors.New("the body could not be read")

// Check verifies the credential or signature of a request before anything of the
// body is parsed.
type Check func(r *http.Request, body []byte) error

// SourcePolicy is how the requests of a source are verified and limited. The
// zero value admits every request.
type SourcePolicy struct {
	// Check verifies a request; nil admits every request.
	Check Check
	// OpenEnvelope verifies a request that is an envelope, and returns the message
	// inside with metadata. A nil message means that the envelope was for us and is
	// handled, for example the confirmation of a subscription. An error made by
	// InvalidCredential is final; any other error is temporary.
	OpenEnvelope func(ctx context.Context, body []byte) (payload []byte, meta map[string]string, err error)
	// SignedID reports whether the credential covers the webhook-id header. If not,
	// the header is ignored, because a replay could change it.
	SignedID bool
	// DeliveryID replaces SignedID for schemes with headers of their own: it returns
	// the ID of a verified message, or the empty text.
	DeliveryID func(http.Header) string
	// CredentialHeader is a header, beside Authorization, with a secret. It is left out of the message.
	CredentialHeader string
	// Challenge is the value of WWW-Authenticate for refused credentials.
	Challenge string
	// Source is the name of the source in metrics and logs. Empty means that of the route.
	Source string
	// KeepRefusedBodies reports whether the bodies of refused requests are kept for the operator.
	KeepRefusedBodies bool
	// Body is the format in which bodies are read. The zero value is JSON.
	Body body.Format
	// CoversRequest reports whether the credential vouches for the whole request. A
	// signature does so for the body only.
	CoversRequest bool
	// Handshake answers the sender's check of this endpoint. It is called before the
	// body is read with verified false, and after the check of the signature with
	// true. It reports whether it has answered the request. Nil means that the sender
	// has no such check.
	Handshake func(w http.ResponseWriter, r *http.Request, body []byte, verified bool) (bool, error)
	// MaxBody is the largest body, in bytes, compressed and decompressed; 0 means the
	// constant MaxBody.
	MaxBody int64
	// Reply makes the answer of a text, for senders that show their answer to a person, such as a chat. It is written as
	// JSON. Nil means the usual answers.
	Reply func(text string) any
	// RateLimit reports whether the source may send another request, and if not, how
	// long to wait. A nil RateLimit means no rate limit.
	RateLimit func() (wait time.Duration, ok bool)

	// refused counts a request with a wrong credential, and returns the error for its sender; nil changes nothing.
	refused func(*http.Request, error) error
}

// admit reads and verifies the body of a request and makes a message of it. The
// message is nil if the request is handled already. The rate limit counts verified
// requests only, so that a flood of forged requests leaves the source its rate.
func (p SourcePolicy) admit(w http.ResponseWriter, r *http.Request) (*message.Message, error) {
	if err := p.answerHandshake(w, r, nil, false); err != nil {
		return nil, err
	}
	payload, format, err := p.openBody(w, r)
	if err != nil {
		return nil, p.refuse(r, err)
	}
	if err := p.answerHandshake(w, r, payload, true); err != nil {
		return nil, err
	}
	var meta map[string]string
	if p.OpenEnvelope != nil {
		if payload, meta, err = p.OpenEnvelope(r.Context(), payload); err != nil {
			return nil, p.refuse(r, err)
		}
	}
	inbound.MarkVerified(r)
	if p.OpenEnvelope != nil && payload == nil { // it is handled
		return nil, nil
	}
	if p.RateLimit != nil {
		if wait, ok := p.RateLimit(); !ok {
			return nil, &rateLimitError{wait, "more requests than this source may send; send it again later"}
		}
	}
	msg := newMessage(r, payload)
	if format != "" {
		msg.Metadata.Set(metadata.BodyFormat, string(format))
	}
	if p.CredentialHeader != "" {
		delete(msg.Metadata, metadata.Header+strings.ToLower(p.CredentialHeader))
	}
	if id := p.deliveryID(r.Header); id != "" {
		msg.Metadata.Set(metadata.DeliveryID, id)
	}
	maps.Copy(msg.Metadata, meta)
	return msg, nil
}

func (p SourcePolicy) deliveryID(h http.Header) string {
	switch {
	case p.DeliveryID != nil:
		return p.DeliveryID(h)
	case p.SignedID:
		return h.Get("Webhook-Id")
	}
	return ""
}

// openBody reads the body of a request, verifies it, and decompresses it.
func (p SourcePolicy) openBody(w http.ResponseWriter, r *http.Request) ([]byte, body.Format, error) {
	limit := cmp.Or(max(p.MaxBody, 0), MaxBody)
	sent, err := readBody(w, r, limit)
	if err != nil {
		return nil, "", err
	}
	opener := body.Opener{Format: p.Body, CoversRequest: p.CoversRequest, Limit: limit}
	opener.Reserve = func(n int64) error { return inbound.Reserve(r, n) }
	if p.Check != nil {
		opener.Verify = func(b []byte) error { return InvalidCredential(p.Check(r, b)) }
	}
	return opener.Open(r.Header, sent)
}

// readText reads the JSON text in the body of a call by an operator, or by a program
// about an order. The caller's token was checked before.
func readText(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	payload, _, err := SourcePolicy{Body: body.JSON, CoversRequest: true}.openBody(w, r)
	if err != nil {
		return nil, err
	}
	text, err := body.WithoutMark(payload) // a call that acts is read as it is written: neither base64 nor out of a list
	if err != nil {
		return nil, approval.InvalidField("body", "%s", err)
	}
	return text, nil
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	sent, err := inbound.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return sent, nil
	}
	return nil, bodyError(err)
}

// bodyError returns the error for the sender of a body that could not be read.
func bodyError(err error) error {
	_, large := errors.AsType[*http.MaxBytesError](err)
	if large || errors.Is(err, inbound.ErrBusy) || errors.Is(err, inbound.ErrSlow) {
		return err
	}
	return errBody
}

func (p SourcePolicy) refuse(r *http.Request, err error) error {
	if p.refused == nil {
		return err
	}
	return p.refused(r, err)
}

// newMessage makes a message of a request. Its metadata has the order ID of the
// path, if there is one, and the headers without credentials.
func newMessage(r *http.Request, payload []byte) *message.Message {
	msg := message.NewMessage(watermill.NewULID(), payload)
	for name, values := range r.Header {
		if len(values) > 0 && !strings.EqualFold(name, "authorization") && !strings.EqualFold(name, "cookie") {
			msg.Metadata[headerKey(name)] = values[0]
		}
	}
	if id := r.PathValue("orderId"); id != "" {
		msg.Metadata.Set(metadata.OrderID, id)
	}
	return msg
}

// usualHeaders has the keys of the headers of most requests.
var usualHeaders = map[string]string{
	"Accept":          metadata.Header + "accept",
	"Accept-Encoding": metadata.Header + "accept-encoding",
	"Content-Length":  metadata.Header + "content-length",
	"Content-Type":    metadata.Header + "content-type",
	"User-Agent":      metadata.Header + "user-agent",
}

// headerKey returns the key under which a message has a header.
func headerKey(name string) string {
	if key, ok := usualHeaders[name]; ok {
		return key
	}
	return metadata.Header + strings.ToLower(name)
}
