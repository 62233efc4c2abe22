package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// keySample is the number of orders that the start opens to see whether the keys fit: of those that wait the longest,
// which the oldest keys have sealed, and of those with an exhausted callback.
const keySample = 200

// checkKeys refuses keys that cannot open the records of the store, before anything is served: the key file may be that
// of another environment, an old backup, or lack a line. It registers the key that seals from now on. A store that was
// used before it had a register is checked by a sample of its orders.
func (a *App) checkKeys(ctx context.Context) error {
	register, ok := a.inner.(store.KeyRegister)
	if !ok {
		return nil
	}
	used, err := register.KeyIDs(ctx)
	if err != nil {
		return err
	}
	have := keyIDs(a.ring)
	missing := slices.DeleteFunc(slices.Clone(used), func(id string) bool { return slices.Contains(have, id) })
	if len(used) > 0 && len(missing) == len(used) {
		return wrongKeysError(a.config, have, fmt.Sprintf("was sealed with %s", listKeyIDs(used)))
	}
	if err := a.openSample(ctx, have); err != nil {
		return err
	}
	if len(missing) > 0 {
		a.log.Warn("the key file lacks keys that have sealed records of the store; no order in a sample needs them, but others may",
			"keys", a.config.Keys.Describe(), "missing", listKeyIDs(missing), "orders", keySample)
	}
	return register.AddKeyID(ctx, a.ring.PrimaryID())
}

// openSample opens some orders. An order that was sealed with a key that is not in the ring makes it fail. An order that
// cannot be opened for another reason makes the program not ready, see unreadableOrders.
func (a *App) openSample(ctx context.Context, have []string) error {
	for _, q := range []store.OrderQuery{{ByAge: true, Limit: keySample}, {State: store.StateExhausted, Limit: keySample}} {
		orders, _, err := a.store.List(ctx, q)
		if err != nil {
			return fmt.Errorf("check the keys: %w", err)
		}
		for _, o := range orders {
			if len(o.Approvals) > 0 { // List returns the ID only if it cannot open the record
				continue
			}
			_, err := a.store.Get(ctx, o.ID)
			if unknown, is := errors.AsType[*keys.UnknownKeyError](err); is {
				return wrongKeysError(a.config, have, fmt.Sprintf("has an order, %.100q, that was sealed with key %s", o.ID, unknown.ID))
			}
			a.unreadable.observe(o.ID, err)
		}
	}
	return nil
}

// wrongKeysError returns the error of a key file that does not fit the store.
func wrongKeysError(c *config.Config, have []string, fault string) error {
	return fmt.Errorf("the store %s %s, but %s has only %s: restore the keys that belong to this store, "+
		"or use the store that belongs to these keys", c.Store.Name(), fault, c.Keys.Describe(), listKeyIDs(have))
}

func keyIDs(ring *keys.Ring) []string {
	var ids []string
	for _, k := range ring.ListKeys() {
		ids = append(ids, k.ID)
	}
	return ids
}

// listKeyIDs returns the IDs as text.
func listKeyIDs(ids []string) string {
	noun := "key "
	if len(ids) > 1 {
		noun = "keys "
	}
	return noun + strings.Join(ids, ", ")
}
