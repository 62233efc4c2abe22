package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
)

// losesAnswers is an http.RoundTripper that loses the answers of DynamoDB after some writes of items.
type losesAnswers struct {
	next   http.RoundTripper
	writes atomic.Int64 // the writes that are still answered
	lose   func()       // is called after a write whose answer is lost
}

func (l *losesAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") || l.writes.Add(-1) >= 0 {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	l.lose()
	return nil, errors.New("the connection broke")
}

// TestInterruptedWritesAreCounted interrupts a migration to a table within its writes: the table has applied them, and the
// process has not seen the answers. It ends like a process that is killed, so its totals are not stored. The counts
// of the table are right all the same when a second migration has completed it.
func TestInterruptedWritesAreCounted(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip(dynamodbtest.ErrMissing)
	}
	ring := keys.NewRing(start)
	source := newSQLite(t, ring)
	fill(t, source, rand.New(rand.NewPCG(7, 8)))
	table := "t-" + fmt.Sprint(rand.Uint64())

	ctx, cancel := context.WithCancel(t.Context())
	faults := &losesAnswers{next: http.DefaultTransport, lose: cancel}
	faults.writes.Store(20)
	c := dynamodb.Config{
		Settings: dynamodb.Settings{Table: table, Create: true},
		AWS:      server.Config(),
		Sealer:   ring,
		Import:   true,
	}
	c.AWS.HTTPClient = &http.Client{Transport: faults}
	killed, err := dynamodb.Open(t.Context(), c)
	require.NoError(t, err)
	m := migration(source, killed, ring)
	_, err = m.Run(ctx)
	require.ErrorContains(t, err, "the target is incomplete")
	require.Negative(t, faults.writes.Load(), "no answer was lost")

	target, err := openTable(t, table, ring, true)
	require.NoError(t, err)
	want := contentOf(t, source)
	m = migration(source, target, ring)
	moved, err := m.Run(t.Context())
	require.NoError(t, err)
	require.True(t, moved.Resumed)
	require.Equal(t, want, contentOf(t, target))
	requireSound(t, target)
	require.NoError(t, target.Close())
}
