// Package httptarget is the target of workflows that name a callback URL in their request. It posts the answer there.
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
	"github.com/approval-relay/approval-relay/setup"
)

// DefaultTimeout bounds a call if Config does not: a receiver may accept the connection and then stay silent. Standard
// Webhooks asks senders to wait 15 to 30 seconds.
const DefaultTimeout = 20 * time.Second

// MaxBody is the longest body, in bytes; a longer answer loses its comments first, see callback.FitAnswer. It is the limit of
// Step Functions, so that an approval fits for every target.
const MaxBody = 262_144

// Signer returns the headers that prove to the receiver that a body is ours: webhook-id, webhook-timestamp and
// webhook-signature of Standard Webhooks. The ID is the same for every attempt.
type Signer interface {
	Sign(id string, now time.Time, body []byte) http.Header
}

// Config has the settings of a target, and its environment. The zero value works and calls any public HTTPS address on
// port 443. With AllowInternal, everybody with the right to send a request can make the program call nearly every address
// that it can reach, see outbound.Guard.
type Config struct {
	Settings
	Signer    Signer           // nil means that answers are not signed
	Timeout   time.Duration    // of a call, with its body; zero means DefaultTimeout
	UserAgent string           // empty means "approval-relay"
	Now       func() time.Time // of the signature; nil means time.Now

	// IsOwnListener is as in outbound.ClientConfig.
	IsOwnListener func(netip.AddrPort) bool

	Connections setup.Connections

	RootCAs  *x509.CertPool // nil means the system's
	Resolver *net.Resolver  // nil means Go's own
}

// Target posts answers to callback URLs. It is safe for concurrent use.
type Target struct {
	config Config
	guard  *outbound.Guard
	client *http.Client
}

// NewTarget returns a Target.
func NewTarget(c Config) *Target {
	c.Timeout = cmp.Or(max(c.Timeout, 0), DefaultTimeout)
	c.SetDefaults(setup.Common{})
	c.UserAgent = cmp.Or(c.UserAgent, "approval-relay")
	if c.Now == nil {
		c.Now = time.Now
	}
	client := outbound.ClientConfig{
		AllowInternal:   c.AllowInternal,
		AllowedPorts:    c.ports(),
		AllowedPrefixes: c.AllowedPrefixes(),
		IsOwnListener:   c.IsOwnListener,
		Connections:     c.Connections,
		RootCAs:         c.RootCAs,
		Resolver:        c.Resolver,
	}
	return &Target{
		config: c,
		guard:  outbound.NewGuard(client),
		client: outbound.NewClient(client),
	}
}

// Deliver posts the answer to the URL that is the approval's token. The body is the JSON of callback.FitAnswer, with the
// name of the error if the approval failed, and with the audience, see newBody. The approval's ID is the Idempotency-Key
// and the ID of the signature in every attempt: an answer may arrive more than once, and receivers recognise it by the
// ID. See outbound.JudgeStatus and outbound.Progress.JudgeFailure for the meaning of the errors; 401, 403, 404 and 405
// are retried for a while.
func (t *Target) Deliver(ctx context.Context, a approval.Answer) error {
	return callback.ForOrder("post the answer", a, t.postAnswer(ctx, a))
}

// ValidateAnswer reports whether the answer can be sent as it is. The error is Permanent.
func (t *Target) ValidateAnswer(a approval.Answer) error {
	if err := t.ValidateURL(a.Token.Reveal()); err != nil {
		return err
	}
	_, err := newBody(a)
	return err
}

func (t *Target) postAnswer(ctx context.Context, a approval.Answer) error {
	if err := t.ValidateURL(a.Token.Reveal()); err != nil {
		return err
	}
	text, err := newBody(a)
	if err != nil {
		return err
	}
	ctx, cancel := outbound.WithinTimeout(ctx, t.config.Timeout)
	defer cancel()
	var progress outbound.Progress
	req, err := t.newRequest(progress.ObserveRequest(ctx), a, text)
	if err != nil {
		return err
	}
	resp, err := outbound.Send(t.client, req)
	if errors.Is(err, outbound.ErrForbiddenAddress) { // a redrive can send it once the configuration allows the address
		return approval.Permanent(outbound.ErrForbiddenAddress)
	}
	if err != nil {
		return progress.JudgeFailure(ctx, err)
	}
	defer outbound.CloseResponse(resp)
	// 409 and 410 mean that the receiver no longer waits. A one-time URL also answers so to the second attempt after
	// the response to the first attempt was lost.
	err = outbound.JudgeStatus(resp, t.config.Now(), http.StatusConflict, http.StatusGone)
	if mayPass(resp.StatusCode) {
		return approval.RetryRefusal(err, t.config.RetryRefusalsFor)
	}
	return err
}

// mayPass reports whether a refusal is also the answer of what stands in front of a receiver: an ingress without a route
// during a rollout, or a gateway with a credential that is about to be renewed.
func mayPass(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

func (t *Target) newRequest(ctx context.Context, a approval.Answer, text []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Token.Reveal(), bytes.NewReader(text))
	if err != nil { // its text contains the URL
		return nil, urlFault("cannot be called")
	}
	// Because of the Idempotency-Key, net/http would send the request again by itself if its connection breaks. Without
	// GetBody it cannot: the retries are the order's own.
	req.GetBody = nil
	if t.config.Signer != nil {
		for name, values := range t.config.Signer.Sign(a.ApprovalID, t.config.Now(), text) {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	outbound.SetTrace(ctx, req.Header)
	values := []string{"application/json", a.ApprovalID, t.config.UserAgent} // in one array
	req.Header["Content-Type"] = values[0:1:1]
	req.Header["Idempotency-Key"] = values[1:2:2]
	req.Header["User-Agent"] = values[2:3:3]
	return req, nil
}
