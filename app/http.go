package app

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/receipt"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/web"
	"github.com/approval-relay/approval-relay/web/console"
)

// makeHTTP makes the pages and the endpoints of both addresses.
func (a *App) makeHTTP(r *rules) error {
	tokens, err := readTokens(r.config)
	if err != nil {
		return err
	}
	page, err := a.decisionPage(r)
	if err != nil {
		return err
	}
	pages, err := a.consolePages(r, tokens)
	if err != nil {
		return err
	}
	endpoints := &api.Endpoints{
		Ingress:       a.ingress,
		Logo:          logoHandler(r.config.Compiled.Logo),
		DecisionPage:  page,
		RequestFiles:  http.HandlerFunc(page.ServeFile),
		StatusPage:    http.HandlerFunc(page.ServeStatus),
		Webhooks:      a.webhookPolicies(r.config),
		Workflows:     sortedNames(r.config.Workflows),
		FindPrincipal: tokens.find,
		Metrics:       promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{Registry: a.registry, EnableOpenMetrics: true}),
		OpenMetrics:   r.config.Operator.OpenMetrics,
		OperatorAPI:   a.operatorAPI(r),
		ReceiptKeys:   receipt.MarshalJWKS(cmp.Or(a.nextRing, a.ring).PublicKeys(receipt.Purpose)),
		ConsolePages:  pages,
		Reload:        a.reloadForOperator,
		Backups:       a.backups(),
		BackupSent: func(by string, bytes int64) {
			a.log.Warn("a copy of the store is sent", "by", by, "bytes", bytes) // it has every order
		},
		Healthy:     a.checkHealth,
		Ready:       a.checkReadiness,
		ReadyDetail: a.describeReadiness,
		ShowMessage: page.ShowUnknownPath,
		Refusals:    a.refusals,
		Failures:    a.inbound.failures,
		IsLink:      a.links.IsOurs,
		Observe:     a.metrics.HTTPAnswered,
	}
	a.setLimits(endpoints, r.config)
	if r.signIn != nil {
		endpoints.SignIn = withPages(r.signIn, page)
	}
	if interactions := a.slackInteractions(r); interactions != nil {
		endpoints.SlackInteractions = interactions
	}
	if messages := a.teamsMessages(r); messages != nil {
		endpoints.TeamsMessages = messages
	}
	r.public, r.operator = endpoints.PublicHandler(), endpoints.OperatorHandler()
	return nil
}

// withPages lets a sign-in show its messages on pages.
func withPages(h *signin.Handler, page *web.Page) *signin.Handler {
	h.Words = page.WordsFor
	h.ShowMessage = page.ShowMessage
	h.ShowSignOut = page.ShowSignOut
	return h
}

// operatorAPI makes the JSON API for operators.
func (a *App) operatorAPI(r *rules) *api.OperatorAPI {
	view := role.View{Records: observedStore{a.store, a.metrics, a.unreadable}}
	return &api.OperatorAPI{
		Orders:      view,
		Lister:      view,
		Decider:     a.decider,
		Redriver:    r.redriver,
		Refusals:    a.refusals,
		MakeReceipt: a.makeReceipt,
		Controls:    a.controls,
		Now:         a.transitions.Now,
	}
}

// setLimits sets what each address takes from its clients.
func (a *App) setLimits(endpoints *api.Endpoints, c *config.Config) {
	endpoints.PublicLimits = api.Limits{
		Bodies:  a.inbound.public.bodies,
		Rate:    a.inbound.rate,
		Proxies: c.Public.Proxies(),
		HSTS:    c.Public.HSTS,
		HTTPS:   a.config.Compiled.PublicURL.Scheme == "https",
		Prefix:  strings.TrimRight(a.config.Compiled.PublicURL.Path, "/"),
	}
	endpoints.OperatorLimits = api.Limits{
		Bodies:  a.inbound.operator.bodies,
		Proxies: c.Operator.Proxies(),
		HSTS:    c.Operator.HSTS,
	}
}

// decisionPage makes the page of the links, and the handler that signs approvers in if there is a provider.
func (a *App) decisionPage(r *rules) (*web.Page, error) {
	base := a.config.Compiled.PublicURL
	pages := web.Config{
		Links:        a.links,
		Orders:       a.store,
		Decider:      a.decider,
		Acts:         a.decider,
		Status:       a.links,
		Origin:       base.Scheme + "://" + base.Host,
		Now:          a.clock.Now,
		Log:          a.log,
		Observer:     a.metrics,
		Refusals:     a.refusals,
		IsPaused:     a.controls.IsPaused,
		Organisation: r.config.Compiled.Organisation,
		Preferences: func(approver, workflow, acceptLanguage string) (language.Tag, *time.Location) {
			visitor := r.config.Compiled.Preferences.OfVisitor(approver, workflow, acceptLanguage)
			return visitor.Language, visitor.Zone
		},
	}
	files, err := a.openFiles(r.config)
	if err != nil {
		return nil, err
	}
	pages.Files = files
	if settings := r.config.Public.OIDC; settings != nil {
		handler, err := signin.New(signin.Config{
			Settings: *settings,
			Base:     base,
			MAC:      a.ring,
			Ended:    &a.ended,
			Now:      a.clock.Now,
			Log:      a.log,
			Refusals: a.refusals,
		})
		if err != nil {
			return nil, err
		}
		r.signIn = handler
		pages.Sessions = newNamedSessions(handler, r.config)
	}
	return web.New(pages)
}

// signInFault returns the reason why nobody can sign in until the configuration is corrected, or nil.
func (a *App) signInFault() error {
	r := a.rules.Load()
	if r == nil || r.signIn == nil {
		return nil
	}
	return r.signIn.Fault()
}

// consolePages makes the operator's console.
func (a *App) consolePages(r *rules, t tokens) (*console.Console, error) {
	view := role.View{Records: a.store}
	provider, roles, err := a.operatorProvider(r.config)
	if err != nil {
		return nil, err
	}
	settings := console.Config{
		Operators:   t.operators,
		Roles:       roles,
		MAC:         a.ring,
		Orders:      view,
		Counter:     view,
		Decider:     a.decider,
		Acts:        a.decider,
		DeadLetters: r.redriver,
		Redriver:    r.redriver,
		Refused:     a.refusals,
		Controls:    a.controls,
		Export:      a.operatorAPI(r).Export,
		Workflows:   sortedNames(r.config.Workflows),
		Ended:       &a.ended,
		Failures:    a.inbound.failures,
		Now:         a.transitions.Now,
		Log:         a.log,
		Refusals:    a.refusals,
	}
	if provider == nil {
		return console.New(settings)
	}
	settings.Provider = provider
	pages, err := console.New(settings)
	if err == nil {
		provider.SetMessages(pages.ShowMessage)
	}
	return pages, err
}
