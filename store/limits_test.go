package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// A transition that does not fit is refused as temporary, or for good if it would not fit into an empty order either.
func TestFit(t *testing.T) {
	t.Parallel()
	l := RecordLimits{Max: 1000, Adding: 700, PerApproval: 100, PerNotification: 10}
	for name, c := range map[string]struct {
		before, after int
		isOld         bool // the approval was there before
		votes         int  // added
		fits, isFull  bool
	}{
		"a request fits":                       {before: 0, after: 700, fits: true},
		"a request is too much now":            {before: 300, after: 701, isFull: true},
		"a request is too large":               {before: 300, after: 1001},
		"a deciding vote fits":                 {before: 700, after: 900, isOld: true, votes: 1, fits: true},
		"a deciding vote leaves the reserve":   {before: 700, after: 901, isOld: true, votes: 1, isFull: true},
		"what is not added uses the reserve":   {before: 700, after: 1000, isOld: true, fits: true},
		"nothing exceeds the limit of records": {before: 700, after: 1001, isOld: true, isFull: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &approval.Order{ID: "o"}
			a := &approval.Approval{ID: "a", Status: approval.Pending}
			if c.isOld {
				o.Approvals = append(o.Approvals, a)
			}
			size := Measure(o, c.before)
			if !c.isOld {
				o.Approvals = append(o.Approvals, a)
			}
			a.Votes = make([]approval.Vote, c.votes)
			record, err := l.Fit(size, o, func(*approval.Order, bool) ([]byte, error) { return bytes.Repeat([]byte("x"), c.after), nil })
			if c.fits {
				require.NoError(t, err)
				require.Len(t, record, c.after)
				return
			}
			var full *approval.OrderFullError
			require.Equal(t, c.isFull, errors.As(err, &full), "%v", err)
			require.Equal(t, !c.isFull, approval.IsPermanent(err), "%v", err)
		})
	}
}
