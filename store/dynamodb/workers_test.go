package dynamodb

import (
	"testing"

	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestWorkers(t *testing.T) {
	t.Parallel()
	storetest.RunWorkers(t, open(t, Config{}))
}
