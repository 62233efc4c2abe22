package dynamodb

import (
	"testing"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestFullOrders(t *testing.T) {
	t.Parallel()
	storetest.RunFull(t, func(t *testing.T) store.Store { return open(t, Config{Limits: storetest.SmallLimits()}) })
}
