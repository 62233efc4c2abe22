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
		policy := api.SourcePolicy{
			SignedID:  scheme.SignedID,
			MaxBody:   int64(w.MaxBody),
			RateLimit: rateLimit(w),
		}
		if scheme.Verifier != nil {
			policy.Check = checkBy(scheme.Verifier)
		}
		if scheme.Envelope != nil {
			policy.OpenEnvelope = openSNS(scheme.Envelope, a.aws.confirm, a.log.With("source", name))
		}
		policies[name] = policy
	}
	return policies
}

func checkBy(v webhook.Verifier) api.Check {
	return func(h http.Header, body []byte) error { return v.Verify(time.Now(), h, body) }
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
