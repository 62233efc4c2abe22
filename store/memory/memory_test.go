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
