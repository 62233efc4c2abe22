package stepfunctions

import (
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/callback"
)

// DefaultShare is the part of a quota that one process takes by default: the
// rest is for whoever else answers tasks in that account and region. Replicas
// share a quota too: with n of them give each DefaultShare/n.
const DefaultShare = 0.8

// Limits are the rate limiters of one account and region, one for each API as
// AWS counts them. Share one value among all targets of that account and region.
type Limits struct {
	Success, Failure, Heartbeat callback.Limiter
}

// NewLimits returns limiters that use that share, in (0, 1], of the default
// quotas of the region; a share outside it means DefaultShare. The quotas are a
// bucket of 3,000 refilled at 500 a second in us-east-1, us-west-2 and
// eu-west-1, and 1,500 at 300 a second elsewhere (also for an unknown region):
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
// Where AWS has raised a quota, or for less traffic, fill in Limits yourself.
func NewLimits(region string, share float64) *Limits {
	if share <= 0 || share > 1 {
		share = DefaultShare
	}
	perSecond, bucket := 300.0, 1500.0
	switch region {
	case "us-east-1", "us-west-2", "eu-west-1":
		perSecond, bucket = 500, 3000
	}
	limiter := func() callback.Limiter {
		return rate.NewLimiter(rate.Limit(perSecond*share), max(int(bucket*share), 1))
	}
	return &Limits{Success: limiter(), Failure: limiter(), Heartbeat: limiter()}
}
