// Package httptarget answers workflows that gave a callback URL: it is the
// target that posts the answer to it.
package httptarget

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// DefaultTimeout bounds one call where Config does not: it is for a receiver
// that takes the connection and then says nothing. Standard Webhooks asks
// senders to wait 15 to 30 seconds.
const DefaultTimeout = 20 * time.Second

// MaxBody is the longest body, in bytes; longer answers lose comments first, see
// callback.Fit. It is what Step Functions takes, so that an approval fits
// whichever way its workflow is answered.
const MaxBody = 262_144

// Signer makes the headers that prove a body to its receiver: Standard Webhooks'
// webhook-id, webhook-timestamp and webhook-signature. The ID is the same for
// every attempt.
type Signer interface {
	Sign(id string, now time.Time, body []byte) http.Header
}

// Config is what a target is made of: its settings, and the environment. The zero value works and calls any public HTTPS
// address on port 443. With AllowInternal everybody who may send a request can make the program call every address that
// it can reach.
type Config struct {
	Settings
	Signer    Signer           // nil sends unsigned
	Timeout   time.Duration    // of one call, body included; DefaultTimeout if zero
	UserAgent string           // "approval-relay" if empty
	Now       func() time.Time // of the signature; time.Now if nil

	// AllowedPorts are accepted beside 443 and, for http, 80.
	AllowedPorts []uint16
	// AllowedPrefixes are addresses that may be called although they are not public, such as a cluster's own.
	AllowedPrefixes []netip.Prefix

	RootCAs  *x509.CertPool // the system's if nil
	Resolver *net.Resolver  // Go's own if nil
}

// Target posts answers to callback URLs. It is safe for concurrent use.
type Target struct {
	config Config
	guard  *outbound.Guard
	client *http.Client
}

// New returns a Target.
func New(c Config) *Target {
	c.Timeout = cmp.Or(max(c.Timeout, 0), DefaultTimeout)
	c.UserAgent = cmp.Or(c.UserAgent, "approval-relay")
	if c.Now == nil {
		c.Now = time.Now
	}
	client := outbound.ClientConfig{
		AllowInternal:   c.AllowInternal,
		AllowedPorts:    append([]uint16{443}, c.AllowedPorts...),
		AllowedPrefixes: c.AllowedPrefixes,
		RootCAs:         c.RootCAs,
		Resolver:        c.Resolver,
	}
	if c.AllowHTTP {
		client.AllowedPorts = append(client.AllowedPorts, 80)
	}
	return &Target{
		config: c,
		guard:  outbound.NewGuard(client),
		client: outbound.NewClient(client),
	}
}

// Deliver posts the answer to the URL that is the approval's token. The body is
// the JSON that callback.Fit describes, with the error's name where the
// approval failed. The approval's ID is the Idempotency-Key and the signature's
// ID, the same for every attempt: an answer may come more than once, receivers
// tell by it. See outbound.JudgeStatus and outbound.Progress.JudgeFailure for the meaning of the errors.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	return callback.ForOrder("post the answer", a, t.deliver(ctx, a))
}

// Heartbeat does nothing: an HTTP receiver has no clock that it would reset.
func (t *Target) Heartbeat(context.Context, approval.Answer) error { return nil }

// Validate says whether the answer can be sent as it is. The error is Permanent.
func (t *Target) Validate(a approval.Answer) error {
	if err := t.ValidateURL(a.Token.Reveal()); err != nil {
		return err
	}
	_, err := body(a)
	return err
}

func body(a approval.Answer) ([]byte, error) {
	name, err := callback.ErrorName(a)
	if err != nil {
		return nil, err
	}
	text, err := callback.Fit(a, name, MaxBody, false)
	return text, approval.Permanent(err)
}

func (t *Target) deliver(ctx context.Context, a approval.Answer) error {
	if err := t.ValidateURL(a.Token.Reveal()); err != nil {
		return err
	}
	text, err := body(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.config.Timeout)
	defer cancel()
	var progress outbound.Progress
	req, err := t.request(progress.Observe(ctx), a, text)
	if err != nil {
		return err
	}
	resp, err := t.client.Do(req)
	if errors.Is(err, outbound.ErrForbiddenAddress) { // it may be called again, by a redrive, once it is allowed
		return approval.Permanent(outbound.ErrForbiddenAddress)
	}
	if err != nil {
		return progress.JudgeFailure(ctx, err)
	}
	defer outbound.CloseResponse(resp)
	// 409 and 410 mean that the receiver no longer waits. A one-time URL also answers so to the second attempt after
	// the response to the first attempt was lost.
	return outbound.JudgeStatus(resp, t.config.Now(), http.StatusConflict, http.StatusGone)
}

func (t *Target) request(ctx context.Context, a approval.Answer, text []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Token.Reveal(), bytes.NewReader(text))
	if err != nil { // its text holds the URL
		return nil, invalid("cannot be called")
	}
	// With an Idempotency-Key net/http would send a request again by itself when
	// its connection breaks; without GetBody it cannot. Attempts are the order's.
	req.GetBody = nil
	if t.config.Signer != nil {
		for name, values := range t.config.Signer.Sign(a.ApprovalID, t.config.Now(), text) {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	outbound.SetTrace(ctx, req.Header)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", a.ApprovalID)
	req.Header.Set("User-Agent", t.config.UserAgent)
	return req, nil
}
