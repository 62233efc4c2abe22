package app

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/setup"
)

// environment returns the environment in which the adapter with this name is opened.
func (a *App) environment(name string) setup.Env {
	return setup.Env{
		Name:       name,
		AWS:        a.aws.configFor,
		Limiter:    a.limiters.named(name, a.metrics.RateLimitWaited),
		SlackUsers: a.config.SlackUsers(),
		Stdout:     a.stdout,
		Log:        a.log,
		Timeout:    callTimeout,
	}
}

// openChannels opens every channel. A channel whose audience is unknown is refused.
func (a *App) openChannels() (map[string]notify.Channel, error) {
	channels := map[string]notify.Channel{}
	for _, name := range sortedNames(a.config.Channels) {
		settings := a.config.Channels[name].Settings()
		if settings.Audience() == notify.AudienceUnknown {
			return nil, fmt.Errorf("channels.%s: its kind names no audience", name)
		}
		channel, err := settings.Open(a.environment(name))
		if err != nil {
			return nil, fmt.Errorf("channels.%s: %w", name, err)
		}
		channels[name] = channel
	}
	return channels, nil
}

// targets are the opened targets. A target of callback URLs has a function that checks a URL.
type targets struct {
	byName      map[string]callback.Target
	validateURL map[string]func(url string) error
}

// openTargets opens every target, each behind a circuit breaker of its own.
func (a *App) openTargets() (targets, error) {
	opened := targets{byName: map[string]callback.Target{}, validateURL: map[string]func(string) error{}}
	for _, name := range sortedNames(a.config.Targets) {
		target, err := a.openTarget(name, a.config.Targets[name], opened)
		if err != nil {
			return opened, fmt.Errorf("targets.%s: %w", name, err)
		}
		opened.byName[name] = target
	}
	return opened, nil
}

func (a *App) openTarget(name string, t config.Target, opened targets) (callback.Target, error) {
	target, err := t.Settings().Open(a.environment(name))
	if err != nil {
		return nil, err
	}
	breaker := callback.BreakerConfig{OpenChanged: func(delta int) { a.metrics.CircuitBreakersChanged(name, delta) }}
	if t.Settings().Address() == callback.CallbackURL {
		urls, ok := target.(callback.URLTarget)
		if !ok {
			return nil, fmt.Errorf("its kind does not check callback URLs")
		}
		opened.validateURL[name] = urls.ValidateURL
		breaker.Host, breaker.MaxCalls = urls.HostOf, maxCallsPerHost
	}
	return callback.NewBreaker(target, breaker), nil
}

// limiters are the rate limiters of outgoing calls, by key. Targets of one account and region share them.
type limiters map[string]*rate.Limiter

// named returns the function by which the adapter of that name gets its limiters. Each adapter's waiting time is
// observed under its own name.
func (l limiters) named(name string, observe func(name string, waited time.Duration)) func(string, float64, int) setup.Limiter {
	return func(key string, perSecond float64, burst int) setup.Limiter {
		if l[key] == nil {
			l[key] = rate.NewLimiter(rate.Limit(perSecond), burst)
		}
		return observedLimiter{limiter: l[key], observe: func(waited time.Duration) { observe(name, waited) }}
	}
}
