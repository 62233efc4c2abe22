package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/signin"
)

// onlineTimeout bounds an online check.
const onlineTimeout = 10 * time.Second

// onlineCheck asks a service that the configuration names. Its error is about the settings if isFault returns true, and
// otherwise about the connection.
type onlineCheck struct {
	field   string
	ask     func(ctx context.Context, client *http.Client) error
	isFault func(error) bool
}

// onlineChecks returns the checks for the services that the configuration names. To add a check, add it here.
func (c *Config) onlineChecks() []onlineCheck {
	var checks []onlineCheck
	if c.Public.OIDC != nil {
		checks = append(checks, checkIssuer("public.oidc.issuer", c.Public.OIDC.Issuer))
	}
	if c.Operator.OIDC != nil {
		checks = append(checks, checkIssuer("operator.oidc.issuer", c.Operator.OIDC.Issuer))
	}
	return checks
}

// checkIssuer returns the check of a provider.
func checkIssuer(field, issuer string) onlineCheck {
	return onlineCheck{
		field: field,
		ask: func(ctx context.Context, client *http.Client) error {
			return signin.CheckDiscovery(ctx, issuer, client)
		},
		isFault: func(err error) bool { return errors.Is(err, signin.ErrMisconfigured) },
	}
}

// CheckOnline asks the services that the configuration names, and returns faults of the configuration. A service that
// cannot be asked is a warning, because it may be down for a while. A nil client means a client with a time limit.
func (c *Config) CheckOnline(ctx context.Context, client *http.Client) (faults, warnings []Finding) {
	f := newFindings()
	if c.origin != nil {
		f.lines = c.origin.lines
	}
	for _, check := range c.onlineChecks() {
		ctx, cancel := context.WithTimeout(ctx, onlineTimeout)
		err := check.ask(ctx, client)
		cancel()
		switch {
		case err == nil:
		case check.isFault(err):
			f.report(check.field, setup.Fault, err.Error())
		default:
			f.report(check.field, setup.Warning, fmt.Sprintf("could not be checked: %s", err))
		}
	}
	return f.of(setup.Fault), f.of(setup.Warning)
}
