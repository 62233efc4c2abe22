package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/web"
	"github.com/approval-relay/approval-relay/web/console"
)

// wireHTTP makes the pages and the endpoints of both addresses.
func (a *App) wireHTTP(registry *prometheus.Registry) error {
	tokens, err := readTokens(a.config)
	if err != nil {
		return err
	}
	page, err := a.decisionPage()
	if err != nil {
		return err
	}
	pages, err := a.consolePages(tokens)
	if err != nil {
		return err
	}
	a.endpoints = &api.Endpoints{
		Ingress:       a.ingress,
		DecisionPage:  page,
		Webhooks:      a.webhookPolicies(),
		Workflows:     sortedNames(a.config.Workflows),
		ProgramToken:  tokens.program,
		OperatorToken: tokens.operator,
		Metrics:       promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, EnableOpenMetrics: true}),
		OpenMetrics:   a.config.Operator.OpenMetrics,
		OperatorAPI: &api.OperatorAPI{
			Orders:      a.store,
			Lister:      observedStore{a.store, a.metrics},
			Decider:     a.decider,
			DeadLetters: a.store,
			Redriver:    a.redriver,
		},
		ConsolePages: pages,
		Observe:      a.metrics.HTTPAnswered,
	}
	if a.signIn != nil {
		a.signIn.ShowMessage = page.ShowMessage
		a.endpoints.SignIn = a.signIn
	}
	if a.slack != nil {
		a.endpoints.SlackInteractions = a.slack
	}
	return nil
}

// decisionPage makes the page of the links, and the handler that signs approvers in if there is a provider.
func (a *App) decisionPage() (*web.Page, error) {
	base := a.config.Compiled.PublicURL
	pages := web.Config{
		Links:    a.links,
		Orders:   a.store,
		Decider:  a.decider,
		Origin:   base.Scheme + "://" + base.Host,
		Now:      time.Now,
		Log:      a.log,
		Observer: a.metrics,
	}
	if settings := a.config.Public.OIDC; settings != nil {
		handler, err := signin.New(signin.Config{
			Settings: *settings,
			Base:     base,
			MAC:      a.ring,
			Now:      time.Now,
			Log:      a.log,
		})
		if err != nil {
			return nil, err
		}
		a.signIn, pages.Sessions = handler, handler
	}
	return web.New(pages)
}

// consolePages makes the operator's console.
func (a *App) consolePages(t tokens) (*console.Console, error) {
	return console.New(console.Config{
		Tokens:      t.byOperator,
		MAC:         a.ring,
		Orders:      a.store,
		Counter:     a.store,
		Decider:     a.decider,
		DeadLetters: a.store,
		Redriver:    a.redriver,
		Queues:      sortedNames(a.redriver.Queues),
		Now:         a.transitions.Now,
		Log:         a.log,
	})
}
