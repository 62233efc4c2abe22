package callback

import (
	"math"

	"github.com/approval-relay/approval-relay/setup"
)

// RateSetting is the rate limit of a target, and the bound of its calls at once. Settings embed it with the tag `yaml:",inline"`.
type RateSetting struct {
	setup.Concurrency `yaml:",inline"`

	Rate  float64 `yaml:"rate" doc:"calls a second of each API, at most: less than the quota of the account and region, which other programs share"`
	Burst int     `yaml:"burst" doc:"calls at once before the rate limit applies"`
}

// SetRate sets a rate limit that the file left out.
func (r *RateSetting) SetRate(perSecond float64, burst int) {
	setup.Default(&r.Rate, perSecond)
	setup.Default(&r.Burst, burst)
}

// RateLimited is implemented by the settings of a target with a rate limit.
type RateLimited interface {
	// RateLimit returns the calls a second, and the calls at once before the rate limit applies.
	RateLimit() (perSecond float64, burst int)
}

// RateLimit implements RateLimited.
func (r *RateSetting) RateLimit() (perSecond float64, burst int) { return r.Rate, r.Burst }

// Validate reports a rate limit that lets no call through.
func (r *RateSetting) Validate(c *setup.Check) {
	if !(r.Rate > 0) || math.IsInf(r.Rate, 0) || r.Burst < 1 { // NaN is not above 0
		c.Fault("", "rate must be a number above 0, and burst at least 1")
	}
}
