package app

import (
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/webhook"
)

// webhookPolicies returns the policy of every webhook: how its requests are verified and limited.
func (a *App) webhookPolicies(c *config.Config) map[string]api.SourcePolicy {
	policies := map[string]api.SourcePolicy{}
	for _, name := range sortedNames(c.Webhooks) {
		w, scheme := c.Webhooks[name], c.Compiled.Schemes[name]
		log := a.log.With("source", name)
		policy := api.SourcePolicy{
			Source:            decisionSource(name),
			KeepRefusedBodies: w.KeepRefusedBodies,

			DeliveryID:       scheme.DeliveryID,
			CredentialHeader: scheme.CredentialHeader,
			Challenge:        scheme.Challenge,
			CoversRequest:    scheme.CoversRequest,
			Body:             scheme.Body,
			Reply:            scheme.Reply,
			MaxBody:          int64(w.MaxBody),
			RateLimit:        rateLimit(w),
		}
		if scheme.Verifier != nil {
			policy.Check = checkBy(scheme, c.WebhookURL(name), a.clock.Now)
		}
		if scheme.Handshake != nil {
			policy.Handshake = newHandshakes(scheme, c.WebhookURL(name), log, a.clock.Now).answer
		}
		if scheme.Envelope != nil {
			policy.OpenEnvelope = openSNS(scheme.Envelope, a.aws.confirm, log, a.clock.Now)
		}
		policies[name] = policy
	}
	return policies
}

// checkBy returns the check of a source. Its sender knows it by this URL.
func checkBy(v webhook.Verifier, url string, now func() time.Time) api.Check {
	return func(r *http.Request, body []byte) error {
		return v.Verify(now(), newWebhookRequest(r, url, body))
	}
}

// newWebhookRequest returns what a scheme verifies of a request to a URL.
func newWebhookRequest(r *http.Request, url string, body []byte) webhook.Request {
	request := webhook.Request{Method: r.Method, URL: url, Header: r.Header, Query: r.URL.RawQuery, Body: body}
	if r.URL.RawQuery != "" {
		request.URL += "?" + r.URL.RawQuery
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		request.Certificates = r.TLS.PeerCertificates
	}
	return request
}

// rateLimit returns the rate limit of a source, or nil if it has none.
func rateLimit(w config.Webhook) func() (time.Duration, bool) {
	if w.Rate == 0 {
		return nil
	}
	limiter := rate.NewLimiter(rate.Limit(w.Rate), w.Burst)
	return func() (time.Duration, bool) {
		reservation := limiter.Reserve()
		wait := reservation.Delay()
		if wait > 0 {
			reservation.Cancel()
		}
		return wait, wait == 0
	}
}
