package app

import (
	"context"
	"net/http"
	"os"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	group "github.com/oklog/run"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/clock"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/store"
)

// awsObserver notifies the metrics of the calls to AWS, and the clock unless it follows the server of the store: by two
// references that differ, the time would jump to and fro.
type awsObserver struct {
	*metrics.Metrics

	clock        *clock.Clock
	followsStore bool
}

// ClockSkew implements outbound.Observer.
func (o awsObserver) ClockSkew(skew, took time.Duration) {
	o.Metrics.ClockSkew(skew, took)
	if !o.followsStore {
		o.clock.ClockSkew(skew, took)
	}
}

const (
	// firstReference bounds a question for the time. A reference that is out of reach delays the start by no more.
	firstReference = 2 * time.Second
	// referenceInterval is the pause between two questions for the time.
	referenceInterval = 5 * time.Second
)

// askReference asks for the time: AWS if the program uses it, or else the server of the store. The workers on one store
// then follow the same clock.
func (a *App) askReference(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstReference)
	defer cancel()
	if server, ok := a.inner.(store.TimeTeller); ok && followsStore(a.config) {
		a.askStore(ctx, server)
	} else if usesAWS(a.config) {
		a.askAWS(ctx)
	}
}

// askStore asks the server of the store for the time. An error is not logged: the store's own calls tell it.
func (a *App) askStore(ctx context.Context, server store.TimeTeller) {
	began := time.Now()
	at, err := server.ServerTime(ctx)
	if err == nil {
		a.clock.ClockSkew(time.Now().Round(0).Sub(at), time.Since(began)) // without the monotonic part
	}
}

// askAWS asks AWS for the time: any answer has a Date. Most often another call has corrected the clock before, such as
// one of the store or of a queue.
func (a *App) askAWS(ctx context.Context) {
	endpoint := a.referenceEndpoint(ctx)
	if endpoint == "" {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return
	}
	cfg, err := a.aws.config()
	if err != nil {
		return
	}
	began := time.Now()
	answer, err := cfg.HTTPClient.Do(request)
	if err != nil {
		return // the call that needs AWS will tell why
	}
	_ = answer.Body.Close()
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		a.newAWSObserver().ClockSkew(time.Since(at.Add(time.Second/2)), time.Since(began))
	}
}

// referenceEndpoint returns the address of an AWS service, or "".
func (a *App) referenceEndpoint(ctx context.Context) string {
	cfg, err := a.aws.config()
	switch {
	case err != nil:
		return ""
	case cfg.BaseEndpoint != nil:
		return *cfg.BaseEndpoint
	case os.Getenv("AWS_ENDPOINT_URL") != "":
		return os.Getenv("AWS_ENDPOINT_URL")
	}
	resolved, err := awssqs.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, awssqs.EndpointParameters{Region: &cfg.Region})
	if err != nil {
		return ""
	}
	return resolved.URI.String()
}

func (a *App) newAWSObserver() awsObserver {
	return awsObserver{a.metrics, a.clock, followsStore(a.config)}
}

// followsStore reports whether the server of the store tells the time.
func followsStore(c *config.Config) bool { return c.Store.Postgres != nil && !usesAWS(c) }

// usesAWS reports whether the configuration has queues, a table or targets of AWS: they are called often.
func usesAWS(c *config.Config) bool {
	if len(c.Decisions) > 0 || c.Store.DynamoDB != nil {
		return true
	}
	for _, w := range c.Workflows {
		if w.Requests.SQS != nil {
			return true
		}
	}
	for _, target := range c.Targets {
		if target.Settings().Address() != callback.CallbackURL {
			return true
		}
	}
	return false
}

// addClock adds the questions for the time. AWS is asked while the clock is uncertain, because otherwise its answers to
// other calls tell the time; the server of the store is asked always. It also notices a jump while nothing else asks for
// the time.
func (a *App) addClock(parts *group.Group) {
	ctx, cancel := context.WithCancel(context.Background())
	parts.Add(func() error {
		tick := time.NewTicker(referenceInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			if a.clock.IsUncertain() || followsStore(a.config) {
				a.askReference(ctx)
			}
		}
	}, func(error) { cancel() })
}

// clockWentBack looks at all orders with a due time again: a time recorded before the jump may lie too far in the future.
func (a *App) clockWentBack() {
	if a.router != nil && a.router.IsRunning() {
		a.sweeper.Revisit(context.Background())
	}
}
