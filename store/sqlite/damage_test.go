package sqlite

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// damages returns unreadable records with the error of each.
func damages() map[string]string {
	return map[string]string{
		"":                              "damaged",
		"\x00\x01":                      "damaged",
		"null":                          "damaged",
		"[]":                            "damaged",
		`{"v":1}`:                       "damaged",
		`{"v":1,"o`:                     "damaged",
		`{"v":0,"order":{"id":"bad"}}`:  "damaged",
		`{"v":1,"order":{"id":"good"}}`: "does not contain this order",
		`{"v":1,"order":{"id":"bad","approvals":[null]}}`:                               "is null",
		`{"v":1,"order":{"id":"bad","approvals":[{"id":"x","notifications":[null]}]}}`:  "is null",
		`{"v":1,"order":{"id":"bad"},"tokens":{"x":"YQ=="}}`:                            "token of an unknown approval",
		`{"v":1,"order":{"id":"bad","approvals":[{"id":"x"}]},"tokens":{"x":"YQ=="}}`:   "open token",
		`{"v":9,"order":{"id":"bad"}}`:                                                  "a newer program wrote it",
		`{"v":9,"order":["what", "a newer one", "may write"]}`:                          "a newer program wrote it",
		`{"v":1,"order":{"id":"bad","approvals":[{"requested_at":"yesterday"}]}} extra`: "damaged",
	}
}

// TestDamagedRecord damages the record of an order. The updates of another order share its commits.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	for record, want := range damages() {
		t.Run(record, func(t *testing.T) {
			t.Parallel()
			c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
			s := open(t, c)
			for _, id := range []string{"bad", "good"} {
				mustUpdate(t, s, id, addRequest)
			}
			_, err := s.conn.ExecContext(t.Context(), "UPDATE orders SET record = ? WHERE id = ?", []byte(record), []byte("bad"))
			require.NoError(t, err)
			require.NoError(t, s.Close())

			synctest.Test(t, func(t *testing.T) {
				s, release := openBlocked(t, c)
				var good, bad error
				go func() { bad = s.Update(t.Context(), "bad", requestOrVote) }()
				go func() { good = s.Update(t.Context(), "good", requestOrVote) }()
				release()
				require.NoError(t, good)
				require.ErrorContains(t, bad, want)
				require.ErrorContains(t, bad, `order "bad"`)
				require.NoError(t, s.Close())
			})
			s = open(t, c)
			requireOrder(t, s, "good", 1)
			_, err = s.Get(t.Context(), "bad")
			require.ErrorContains(t, err, want)
			require.NotErrorIs(t, err, approval.ErrNotFound)
			orders, _, err := s.List(t.Context(), store.OrderQuery{State: store.StatePending})
			require.NoError(t, err)
			require.Len(t, orders, 3, "with the gate")
			require.Equal(t, &approval.Order{ID: "bad"}, orders[0])
			requirePending(t, s, 3)
			due, err := s.Claim(t.Context(), startTime.Add(2*time.Hour), 10, time.Hour)
			require.NoError(t, err)
			require.ElementsMatch(t, []string{"bad", "gate", "good"}, due)
		})
	}
}
