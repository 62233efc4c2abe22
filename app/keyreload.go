package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// errKeysSlow is the error of a reload whose keys AWS does not deliver. A start is more patient.
var errKeysSlow = errors.New("the keys could not be read in time")

// readKeysAgain gets the keys from their place for a reload, and checks that they can replace the present ones. A new
// primary key is in the register of the store before anything is sealed with it.
//
// A key that is gone must have sealed nothing in this store. The removal of any other key needs a restart, which
// looks whether a waiting order still needs it.
func (a *App) readKeysAgain(ctx context.Context) (*keys.Ring, error) {
	if a.config.Store.Memory {
		return a.ring, nil // its keys last as long as the process
	}
	limited, cancel := context.WithTimeoutCause(ctx, keysTimeout, errKeysSlow)
	next, err := a.openKeys(limited)
	cancel()
	if errors.Is(err, errKeysSlow) {
		return nil, errKeysSlow
	}
	if err != nil {
		return nil, err
	}
	register, ok := a.inner.(store.KeyRegister)
	if !ok {
		return a.ring, nil
	}
	used, err := register.KeyIDs(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range a.ring.LostIn(next) {
		if slices.Contains(used, id) {
			return nil, fmt.Errorf("key %s has sealed records of the store, and %s has it no longer or with another content: "+
				"put it back, or restart to have the waiting orders checked", id, a.config.Keys.Describe())
		}
	}
	if next.PrimaryID() != a.ring.PrimaryID() {
		err = register.AddKeyID(ctx, next.PrimaryID())
	}
	return next, err
}

// replaceKeys lets everything use the keys that a reload has read.
func (a *App) replaceKeys(ctx context.Context, next *keys.Ring) {
	if slices.Equal(next.ListKeys(), a.ring.ListKeys()) {
		return
	}
	a.ring.Replace(next)
	a.log.InfoContext(ctx, "keys replaced", "keys", listKeyIDs(keyIDs(a.ring)), "seals", a.ring.PrimaryID())
}
