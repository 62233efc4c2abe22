package memory

import (
	"testing"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestFullOrders(t *testing.T) {
	t.Parallel()
	storetest.RunFull(t, func(*testing.T) store.Store {
		s := New()
		s.Limits = storetest.SmallLimits()
		return s
	})
}
