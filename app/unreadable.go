package app

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// maxUnreadable bounds the orders that are remembered as unreadable.
const maxUnreadable = 1000

// unreadableOrders are the orders whose records could not be opened with the keys of this worker. As long as there is
// one, the worker is not ready: the order waits for nobody, and its deadline passes without an answer. An order that can
// be opened again, because another worker has sealed it or the record was restored, is removed.
type unreadableOrders struct {
	log       *slog.Logger
	sometimes rate.Sometimes
	count     func(int) // is called with the new number

	mu     sync.Mutex
	orders map[string]bool
}

func newUnreadableOrders(log *slog.Logger, count func(int)) *unreadableOrders {
	return &unreadableOrders{
		log:       log,
		sometimes: rate.Sometimes{First: 1, Interval: time.Minute},
		count:     count,
		orders:    map[string]bool{},
	}
}

// observe takes note of the result of reading an order. Only an error of its seals makes it unreadable, and only a
// record that was read ends that: other errors, such as an outage of the store, change nothing.
func (u *unreadableOrders) observe(orderID string, err error) {
	sealed := errors.Is(err, keys.ErrUnknownKey) || errors.Is(err, keys.ErrCorrupt)
	if sealed {
		u.sometimes.Do(func() {
			u.log.Error("the record of an order cannot be opened with the keys of this worker, which is therefore not ready; "+
				"more such records within a minute are not logged", "order", orderID, "error", err)
		})
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case sealed && len(u.orders) < maxUnreadable:
		u.orders[orderID] = true
	case (err == nil || errors.Is(err, approval.ErrNotFound)) && len(u.orders) > 0:
		delete(u.orders, orderID)
	default:
		return
	}
	u.count(len(u.orders))
}

// err returns the error of readiness, or nil.
func (u *unreadableOrders) err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.orders) == 0 {
		return nil
	}
	return fmt.Errorf("the records of %d orders cannot be opened with the keys of this worker", len(u.orders))
}
