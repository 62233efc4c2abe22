package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// server is the DynamoDB Local of all tests; nil if it is not installed.
var server *dynamodbtest.Server

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "5") // a sequence makes hundreds of calls; the other stores run more sequences
	var err error
	if server, err = dynamodbtest.Start(context.Background()); err != nil && !errors.Is(err, dynamodbtest.ErrMissing) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if server != nil {
		_ = server.Stop()
	}
	os.Exit(code)
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, Config{}) })
}

// open opens a store. Missing fields of the Config get new values.
func open(t *testing.T, c Config) *Store {
	t.Helper()
	if server == nil {
		t.Skip(dynamodbtest.ErrMissing)
	}
	if c.Table == "" {
		c.Table, c.Create = newTable(), true
	}
	if c.Sealer == nil {
		c.Sealer = keys.NewRing(time.Now())
	}
	if c.AWS.Region == "" {
		c.AWS = server.Config()
	}
	s, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newTable() string { return "t-" + rand.Text() }

var startTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// addRequest adds an approval that is due in an hour.
func addRequest(o *approval.Order) error {
	_, _, err := o.AddRequest(approval.Request{
		Token:     approval.NewToken(tokenOf(o.ID)),
		Target:    "sfn",
		Workflow:  "payments",
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  startTime.Add(time.Hour),
		Retention: time.Hour,
	}, approval.Environment{Now: startTime, Lease: time.Minute})
	return err
}

// tokenOf returns the task token of an order's approval.
func tokenOf(orderID string) string { return strings.Repeat("secret of "+orderID+". ", 10) }

// addVote adds a vote, and returns the number of votes.
func addVote(o *approval.Order) int {
	a := o.Approvals[0]
	a.Votes = append(a.Votes, approval.Vote{
		DecisionID: "d",
		Outcome:    approval.Approve,
		By:         "ann",
		Via:        approval.ViaAPI,
		At:         startTime,
	})
	return len(a.Votes)
}

// removeOrder leaves the order empty.
func removeOrder(o *approval.Order) error {
	o.Approvals, o.Unmatched = nil, nil
	return nil
}

func mustUpdate(t *testing.T, s *Store, orderID string, transition func(*approval.Order) error) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, transition))
}
