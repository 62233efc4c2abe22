package app

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/setup"
)

// environment returns the environment of the adapter with this name and these settings. Its connections are counted as
// those to the given place.
func (a *App) environment(c *config.Config, name string, settings any, place string) setup.Env {
	return setup.Env{
		Connections: setup.Connections{
			Kept:   concurrencyOf(settings),
			Opened: func() { a.metrics.ConnectionOpened(place) },
		},
		Name:          name,
		AWS:           a.aws.configFor,
		Limiter:       a.limiters.named(name, a.metrics.RateLimitWaited),
		SlackUsers:    c.SlackUsers(),
		IsOwnListener: a.listeners.has,
		Stdout:        a.options.Stdout,
		Log:           a.log,
		Timeout:       callTimeout,
		Now:           a.clock.Now,
	}
}

// openChannels opens every channel. A channel with an unknown audience is refused.
func (a *App) openChannels(c *config.Config, previous *rules) (map[string]handlers.Channel, error) {
	channels := map[string]handlers.Channel{}
	for _, name := range sortedNames(c.Channels) {
		settings := c.Channels[name].Settings()
		if settings.Audience() == notify.AudienceUnknown {
			return nil, fmt.Errorf("channels.%s: its kind names no audience", name)
		}
		if previous != nil && sameChannel(c, previous.config, name) {
			channels[name] = previous.channels[name]
			continue
		}
		channel, err := settings.Open(a.environment(c, name, settings, metrics.ToChannel(name)))
		if err != nil {
			return nil, fmt.Errorf("channels.%s: %w", name, err)
		}
		channels[name] = handlers.Channel{Sender: channel, Audience: settings.Audience(), Limit: a.channelLimit(name, settings)}
	}
	if previous != nil {
		keepRemoved(channels, previous.channels)
	}
	return channels, nil
}

// channelLimit returns the rate limit of a channel, or nil. Messages that wait for it are counted as actions that were not
// made.
func (a *App) channelLimit(name string, settings notify.Settings) handlers.Limiter {
	limited, ok := settings.(notify.RateLimited)
	if !ok {
		return nil
	}
	perSecond, burst := limited.RateLimit()
	if perSecond == 0 {
		return nil
	}
	return a.limiters.named(name, func(string, time.Duration) {})("channel/"+name, perSecond, burst)
}

// sameChannel reports whether two configurations make the same channel of this name. A channel of Slack is made of the
// Slack users of people too.
func sameChannel(c, previous *config.Config, name string) bool {
	settings, before := c.Channels[name].Settings(), previous.Channels[name].Settings()
	if _, isSlack := settings.(*slack.Settings); isSlack && !reflect.DeepEqual(c.SlackUsers(), previous.SlackUsers()) {
		return false
	}
	return reflect.DeepEqual(settings, before)
}

// targets are the opened targets. A target of callback URLs has a function that checks a URL, and a function that returns
// its host. A target of tokens may have a function that checks a token.
type targets struct {
	byName        map[string]callback.Target
	validateURL   map[string]func(url string) error
	validateToken map[string]func(token string) error
	hostOf        map[string]func(approval.Answer) string
	concurrency   map[string]int
}

// openTargets opens every target, each behind a circuit breaker of its own.
func (a *App) openTargets(c *config.Config, previous *rules) (targets, error) {
	opened := targets{
		byName:        map[string]callback.Target{},
		validateURL:   map[string]func(string) error{},
		validateToken: map[string]func(string) error{},
		hostOf:        map[string]func(approval.Answer) string{},
		concurrency:   map[string]int{},
	}
	for _, name := range sortedNames(c.Targets) {
		opened.concurrency[name] = concurrencyOf(c.Targets[name].Settings())
		if limited, ok := c.Targets[name].Settings().(callback.RateLimited); ok {
			perSecond, _ := limited.RateLimit()
			a.metrics.TargetLimited(name, perSecond)
		}
		if previous != nil && reflect.DeepEqual(c.Targets[name].Settings(), previous.config.Targets[name].Settings()) {
			opened.byName[name] = previous.targets.byName[name]
			opened.validateURL[name] = previous.targets.validateURL[name]
			opened.validateToken[name] = previous.targets.validateToken[name]
			opened.hostOf[name] = previous.targets.hostOf[name]
			continue
		}
		if err := a.openTarget(c, name, opened); err != nil {
			return opened, fmt.Errorf("targets.%s: %w", name, err)
		}
	}
	if previous != nil {
		keepRemoved(opened.byName, previous.targets.byName)
		keepRemoved(opened.hostOf, previous.targets.hostOf)
		keepRemoved(opened.concurrency, previous.targets.concurrency)
	}
	return opened, nil
}

func (a *App) openTarget(c *config.Config, name string, opened targets) error {
	settings := c.Targets[name].Settings()
	target, err := settings.Open(a.environment(c, name, settings, metrics.ToTarget(name)))
	if err != nil {
		return err
	}
	breaker := callback.BreakerConfig{
		OpenChanged: func(delta int) { a.metrics.CircuitBreakersChanged(name, delta) },
		Now:         a.clock.Now,
	}
	if settings.Address() == callback.CallbackURL {
		urls, ok := target.(callback.URLTarget)
		if !ok {
			return errors.New("its kind does not check callback URLs")
		}
		opened.validateURL[name] = urls.ValidateURL
		opened.hostOf[name] = urls.HostOf
		breaker.Host = urls.HostOf
	}
	if tokens, ok := target.(callback.TokenTarget); ok {
		opened.validateToken[name] = tokens.ValidateToken
	}
	opened.byName[name] = callback.NewBreaker(target, breaker)
	return nil
}

// limiters are the rate limiters of outgoing calls. Targets of the same account and region share them.
type limiters map[limiterKey]*rate.Limiter

// limiterKey is the quota that a limiter is for, and its rate. A reload that changes the rate makes another limiter.
type limiterKey struct {
	quota     string
	perSecond float64
	burst     int
}

// named returns the function by which the adapter of that name gets its limiters. Each adapter's waiting time is
// observed under its own name.
func (l limiters) named(name string, observe func(name string, waited time.Duration)) func(string, float64, int) setup.Limiter {
	return func(quota string, perSecond float64, burst int) setup.Limiter {
		key := limiterKey{quota: quota, perSecond: perSecond, burst: burst}
		if l[key] == nil {
			l[key] = rate.NewLimiter(rate.Limit(perSecond), burst)
		}
		return observedLimiter{limiter: l[key], observe: func(waited time.Duration) { observe(name, waited) }}
	}
}
