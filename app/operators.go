package app

import (
	"fmt"
	"net/url"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/signin"
)

// operatorProvider makes the sign-in of operators, if there is a provider, and the roles that it gives. The provider is
// looked up when the first operator signs in.
func (a *App) operatorProvider(c *config.Config) (*signin.Operators, role.Mapping, error) {
	settings := c.Operator.OIDC
	if settings == nil {
		return nil, role.Mapping{}, nil
	}
	base, err := url.Parse(c.Operator.URL)
	if err != nil {
		return nil, role.Mapping{}, fmt.Errorf("operator.url: %w", err)
	}
	provider, err := signin.NewOperators(signin.Config{
		Settings: settings.Settings,
		Base:     base,
		MAC:      a.ring,
		Now:      a.clock.Now,
		Log:      a.log,
		Refusals: a.refusals,
	}, settings.RolesClaim)
	return provider, settings.Mapping(), err
}
