package notify

import (
	"math"

	"github.com/approval-relay/approval-relay/setup"
)

// RateSetting is the rate limit of a channel, and the bound of its calls at once. Settings embed it with the tag `yaml:",inline"`.
type RateSetting struct {
	setup.Concurrency `yaml:",inline"`

	Rate  float64 `yaml:"rate" doc:"messages a second, at most, such as the quota of the mail server; the others wait for their turn; 0 is no limit"`
	Burst int     `yaml:"burst" doc:"messages at once before the rate limit applies; 0 is the rate, rounded up"`
}

// RateLimited is implemented by the settings of a channel that can have a rate limit.
type RateLimited interface {
	// RateLimit returns the messages a second, and the messages at once before the limit applies. A rate of 0 is no limit.
	RateLimit() (perSecond float64, burst int)
	// CheckRate reports a rate limit that lets no message through.
	CheckRate(c *setup.Check)
}

// RateLimit implements RateLimited.
func (r *RateSetting) RateLimit() (perSecond float64, burst int) {
	if r.Burst == 0 {
		return r.Rate, int(min(math.Ceil(r.Rate), math.MaxInt32))
	}
	return r.Rate, r.Burst
}

// CheckRate implements RateLimited.
func (r *RateSetting) CheckRate(c *setup.Check) {
	switch {
	case !(r.Rate >= 0) || math.IsInf(r.Rate, 0): // NaN is not above 0
		c.Fault("rate", "must be a number, 0 or above")
	case r.Burst < 0:
		c.Fault("burst", "must be 0 or above")
	case r.Burst > 0 && r.Rate == 0:
		c.Fault("burst", "has no effect without a rate")
	}
}
