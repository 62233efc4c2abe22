package app

import (
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/signin"
)

// rules is the part of the program that a reload replaces as a whole: everything that is made of the workflows, people,
// groups, sources, channels, targets, tokens and secrets of the configuration. A message, an action or an HTTP request
// is handled by the rules that are current when its handling begins.
type rules struct {
	config   *config.Config
	channels map[string]handlers.Channel
	targets  targets
	// channelConcurrency has the calls at once of each channel.
	channelConcurrency map[string]int

	handlers      map[string]message.NoPublishHandlerFunc // by source
	notifications *handlers.Notification
	callbacks     *handlers.Callback
	redriver      *handlers.Redriver
	signIn        *signin.Handler // nil if approvers cannot sign in
	public        http.Handler
	operator      http.Handler
}

// makeRules makes the rules of a configuration. It changes nothing of the running program. A channel or target with
// unchanged settings is taken from the previous rules, so that it keeps its state: circuit breaker, rate limiter,
// caches. A channel or target that the configuration no longer has is kept too, because approvals that were requested
// under the previous rules name it. At the start there are no previous rules.
func (a *App) makeRules(c *config.Config, previous *rules) (*rules, error) {
	r := &rules{config: c}
	var err error
	if r.targets, err = a.openTargets(c, previous); err != nil {
		return nil, err
	}
	if r.channels, err = a.openChannels(c, previous); err != nil {
		return nil, err
	}
	r.channelConcurrency = channelConcurrency(c, previous)
	r.notifications = &handlers.Notification{
		Transitions:  a.transitions,
		Channels:     r.channels,
		Links:        a.links,
		Timeout:      callTimeout,
		Preferences:  &c.Compiled.Preferences,
		Organisation: c.Compiled.Organisation,
		ConsoleURL:   consoleURL(c.Operator.URL),
	}
	r.callbacks = &handlers.Callback{
		Transitions: a.transitions,
		Targets:     r.targets.byName,
		Timeout:     callTimeout,
		MakeReceipt: a.makeReceipt,
	}
	payloads, err := a.openPayloads(c)
	if err != nil {
		return nil, err
	}
	r.handlers = a.sourceHandlers(r, payloads)
	r.redriver = &handlers.Redriver{
		Transitions: a.transitions,
		Orders:      a.store,
		DeadLetters: a.store,
		Queues:      a.queues.deadLetters,
		Handlers:    r.handlers,
	}
	return r, a.makeHTTP(r)
}

// retire ends the circuit breakers that the next rules do not use: the breakers of targets with changed settings.
func (r *rules) retire(next *rules) {
	for name, target := range r.targets.byName {
		breaker, ok := target.(*callback.Breaker)
		if ok && next.targets.byName[name] != target {
			breaker.Retire()
		}
	}
}

// keepRemoved adds the entries of the previous rules that the new ones lack.
func keepRemoved[V any](current, previous map[string]V) {
	for name, v := range maps.All(previous) {
		if _, there := current[name]; !there {
			current[name] = v
		}
	}
}

// notify carries out a notification by the current rules.
func (a *App) notify(msg *message.Message) error { return a.rules.Load().notifications.Handle(msg) }

// callBack carries out a callback or heartbeat by the current rules.
func (a *App) callBack(msg *message.Message) error { return a.rules.Load().callbacks.Handle(msg) }

// hostOf returns the host that an answer of a target goes to by the current rules, or "" if the target has no callback
// URLs.
func (a *App) hostOf(target string, token approval.Token) string {
	current := a.rules.Load()
	if current == nil { // nothing runs yet
		return ""
	}
	hostOf := current.targets.hostOf[target]
	if hostOf == nil {
		return ""
	}
	return hostOf(approval.Answer{Token: token})
}

// currentPeople returns the configured people of the current rules.
func (a *App) currentPeople() *handlers.People { return &a.rules.Load().config.Compiled.People }

// currentWorkflow returns the rules of a workflow of the current configuration.
func (a *App) currentWorkflow(name string) (handlers.Workflow, bool) {
	w, ok := a.rules.Load().config.Compiled.Workflows[name]
	return w, ok
}

// errRemoved is the error of a message from a source that a reload removed while the message was on its way. It is
// temporary: the sender or queue may deliver the message again to a worker that still has the source.
var errRemoved = errors.New("the configuration no longer has this source")

// handle returns the function that handles the messages of a source by the current rules.
func (a *App) handle(source string) message.NoPublishHandlerFunc {
	return func(msg *message.Message) error {
		handler, ok := a.rules.Load().handlers[source]
		if !ok {
			return fmt.Errorf("source %s: %w", source, errRemoved)
		}
		return handler(msg)
	}
}

// servePublic serves the public address by the current rules.
func (a *App) servePublic(w http.ResponseWriter, r *http.Request) {
	a.rules.Load().public.ServeHTTP(w, r)
}

// serveOperator serves the operator's address by the current rules.
func (a *App) serveOperator(w http.ResponseWriter, r *http.Request) {
	a.rules.Load().operator.ServeHTTP(w, r)
}
