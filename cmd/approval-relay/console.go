package main

import (
	"context"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/web/console"
)

// console makes the operator's console.
func (r *relay) console() (*console.Console, error) {
	tokens, err := operators(r.config)
	if err != nil {
		return nil, err
	}
	c := console.Config{
		Tokens:   map[string]console.Secret{},
		MAC:      r.ring,
		Orders:   seen{r.store},
		Lists:    seen{r.store},
		Counter:  seen{r.store},
		Decider:  r.decider,
		Letters:  r.letters,
		Redriver: redriver{r.redrive},
		Queues:   sorted(r.redrive.Queues),
		Now:      r.transitions.Now,
		Log:      r.log,
	}
	for name, token := range tokens {
		c.Tokens[name] = token
	}
	return console.New(c)
}

// operators returns the tokens of operators by name. The one in the token file is
// nobody's in particular.
func operators(c *Config) (map[string]secret.Text, error) {
	if len(c.Operator.Tokens) > 0 {
		return c.Operator.Tokens, nil
	}
	token, err := operatorToken(c.Operator.TokenFile)
	return map[string]secret.Text{"operator": secret.New(token)}, err
}

// seen is the store as the console sees it: no token, no link.
type seen struct{ store store.Store }

// Get implements console.Orders.
func (s seen) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	o, err := s.store.Get(ctx, orderID)
	if err != nil {
		return nil, err
	}
	return handlers.View(o), nil
}

// List implements console.Lists.
func (s seen) List(ctx context.Context, which console.Which, after string, limit int) ([]*approval.Order, string, error) {
	orders, next, err := s.store.List(ctx, store.Query{
		ByAge:     which == console.Waiting,
		Exhausted: which == console.GivenUp,
		After:     after,
		Limit:     limit,
	})
	out := make([]*approval.Order, len(orders))
	for i, o := range orders {
		out[i] = handlers.View(o)
	}
	return out, next, err
}

// Counts implements console.Counter.
func (s seen) Counts(ctx context.Context) (console.Counts, error) {
	stats, err := s.store.Stats(ctx)
	out := console.Counts{GivenUp: stats.Exhausted, DeadLetters: stats.DeadLetters}
	for _, name := range sorted(stats.Workflows) {
		w := stats.Workflows[name]
		out.Workflows = append(out.Workflows, console.WorkflowCount{Name: name, Pending: w.Pending, Oldest: w.Oldest})
	}
	return out, err
}

// Letters implements console.Letters.
func (t *letterTable) Letters(ctx context.Context, after string, limit int) ([]console.Letter, error) {
	stored, err := t.store.ListDeadLetters(ctx, after, limit)
	out := make([]console.Letter, len(stored))
	for i, d := range stored {
		out[i] = console.Letter{
			ID:       d.ID,
			Source:   d.Source,
			Reason:   d.Reason,
			At:       d.At,
			Redrives: d.Redrives,
		}
	}
	return out, err
}

// redriver redrives for the console.
type redriver struct{ redrive *handlers.Redrive }

// Redrive implements console.Redriver.
func (r redriver) Redrive(ctx context.Context, order console.Redrive) console.Report {
	report := r.redrive.Run(ctx, handlers.RedriveOrder{
		DryRun:  order.DryRun,
		Max:     order.Max,
		Reason:  order.Reason,
		By:      order.By,
		OrderID: order.OrderID,
	})
	return console.Report{
		Found:    report.Found,
		Redriven: report.Redriven,
		Guarded:  report.Guarded,
		Expired:  report.Expired,
		Failed:   report.Failed,
		Errors:   report.Errors,
	}
}
