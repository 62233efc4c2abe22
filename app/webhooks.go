package app

import (
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/webhook"
)

// webhookPolicies returns the policy of every webhook: how its requests are verified and limited.
func (a *App) webhookPolicies(c *config.Config) map[string]api.SourcePolicy {
	policies := map[string]api.SourcePolicy{}
	for _, name := range sortedNames(c.Webhooks) {
		w, scheme := c.Webhooks[name], c.Compiled.Schemes[name]
		log := a.log.With("source", name)
		refusals := newRefusalLog(log, "webhook refused")
		policy := api.SourcePolicy{
			DeliveryID:       scheme.DeliveryID,
			CredentialHeader: scheme.CredentialHeader,
			Challenge:        scheme.Challenge,
			CoversRequest:    scheme.CoversRequest,
			Body:             scheme.Body,
			MaxBody:          int64(w.MaxBody),
			RateLimit:        rateLimit(w),
		}
		if scheme.Verifier != nil {
			policy.Check = refusals.wrap(checkBy(scheme))
		}
		if scheme.Envelope != nil {
			policy.OpenEnvelope = openSNS(scheme.Envelope, a.aws.confirm, log, refusals)
		}
		policies[name] = policy
	}
	return policies
}

// refusalLog logs why the credentials of requests are refused, because the sender is not told the reason. Strangers can send any
// number of requests, so that it logs one refusal in an interval.
type refusalLog struct {
	log       *slog.Logger
	message   string
	sometimes rate.Sometimes
}

func newRefusalLog(log *slog.Logger, message string) *refusalLog {
	return &refusalLog{log: log, message: message, sometimes: rate.Sometimes{Interval: time.Minute}}
}

func (l *refusalLog) report(err error) {
	l.sometimes.Do(func() {
		l.log.Warn(l.message+"; more refusals like it within a minute are not logged", "error", err)
	})
}

// wrap returns a check that reports its refusals.
func (l *refusalLog) wrap(check api.Check) api.Check {
	return func(r *http.Request, body []byte) error {
		err := check(r, body)
		if err != nil {
			l.report(err)
		}
		return err
	}
}

// wrapFind returns a search for the principal of a request that reports its refusals.
func (l *refusalLog) wrapFind(find api.FindPrincipal) api.FindPrincipal {
	return func(r *http.Request) (handlers.Principal, error) {
		p, err := find(r)
		if err != nil {
			l.report(err)
		}
		return p, err
	}
}

func checkBy(v webhook.Verifier) api.Check {
	return func(r *http.Request, body []byte) error {
		return v.Verify(time.Now(), newWebhookRequest(r, body))
	}
}

// newWebhookRequest returns what a scheme verifies of a request.
func newWebhookRequest(r *http.Request, body []byte) webhook.Request {
	request := webhook.Request{Header: r.Header, Query: r.URL.RawQuery, Body: body}
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
