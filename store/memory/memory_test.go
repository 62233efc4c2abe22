package memory

import (
	"testing"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return New() })
}

func TestOptionalInterfaces(t *testing.T) {
	storetest.RequireOptional(t, New(), storetest.Optional{})
}

func TestControls(t *testing.T) {
	t.Parallel()
	s := New()
	storetest.TestControlKeeper(t, s, func() store.ControlKeeper { return s })
}
