package main

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// letterTable is the store's table of dead letters, as the router fills it and
// operators see it.
type letterTable struct{ store store.DeadLetters }

// PutLetter implements router.Letters.
func (t *letterTable) PutLetter(ctx context.Context, source string, msg *message.Message, reason string) error {
	_, err := t.store.PutDeadLetter(ctx, store.DeadLetter{
		Source:   source,
		Reason:   reason,
		Body:     msg.Payload,
		Metadata: msg.Metadata,
		At:       time.Now(),
	})
	return err
}

// List implements handlers.Letters.
func (t *letterTable) List(ctx context.Context, after string, limit int) ([]handlers.Letter, error) {
	stored, err := t.store.ListDeadLetters(ctx, after, limit)
	var out []handlers.Letter
	for _, d := range stored {
		out = append(out, handlers.Letter{
			ID:       d.ID,
			Source:   d.Source,
			Reason:   d.Reason,
			At:       d.At,
			Redrives: d.Redrives,
			Body:     d.Body,
			Metadata: d.Metadata,
		})
	}
	return out, err
}

// Put implements handlers.Letters.
func (t *letterTable) Put(ctx context.Context, l handlers.Letter) error {
	_, err := t.store.PutDeadLetter(ctx, store.DeadLetter{
		Source:   l.Source,
		Reason:   l.Reason,
		Body:     l.Body,
		Metadata: l.Metadata,
		At:       l.At,
		Redrives: l.Redrives,
	})
	return err
}

// Take implements handlers.Letters.
func (t *letterTable) Take(ctx context.Context, id string) error {
	return t.store.TakeDeadLetter(ctx, id)
}

// exhausted lists what a redrive starts again.
type exhausted struct{ store store.Store }

// ListExhausted implements handlers.Exhausted.
func (e exhausted) ListExhausted(ctx context.Context, after string, limit int) ([]*approval.Order, string, error) {
	return e.store.List(ctx, store.Query{Exhausted: true, After: after, Limit: limit})
}

// lister lists orders for people.
type lister struct{ store store.Store }

// ListOrders implements api.Lister.
func (l lister) ListOrders(ctx context.Context, pending, exhausted bool, after string, limit int) ([]*approval.Order, string, error) {
	return l.store.List(ctx, store.Query{
		Pending:   pending,
		Exhausted: exhausted,
		After:     after,
		Limit:     limit,
	})
}
