package dynamodb

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// An order that is expected to be new is put without a read. If another process has written it, the update is made on its
// record, and a refusal is about that record.
func TestOrderThatIsExpectedToBeNew(t *testing.T) {
	t.Parallel()
	calls := &callCounter{}
	s := openThrough(t, Config{}, calls.roundTrip)
	other := open(t, Config{Settings: Settings{Table: s.config.Table}, Sealer: s.config.Sealer})
	ctx := store.ExpectNew(t.Context())
	calls.take()
	require.NoError(t, s.Update(ctx, "new", addRequest))
	reads, writes := calls.take()
	require.Zero(t, reads)
	require.EqualValues(t, 1, writes)

	mustUpdate(t, other, "known", addRequest)
	mustUpdate(t, other, "known", func(o *approval.Order) error { addVote(o); return nil })
	errKnown := errors.New("is known")
	refuse := func(o *approval.Order) error {
		if !o.IsEmpty() {
			return errKnown
		}
		return addRequest(o)
	}
	require.Equal(t, errKnown, s.Update(ctx, "known", refuse))
	require.NoError(t, s.Update(ctx, "known", func(o *approval.Order) error {
		if o.IsEmpty() {
			return addRequest(o)
		}
		require.Equal(t, 2, addVote(o))
		return nil
	}))
	o, err := other.Get(t.Context(), "known")
	require.NoError(t, err)
	require.Len(t, o.Approvals, 1)
	require.Len(t, o.Approvals[0].Votes, 2)

	errEmpty := errors.New("is empty")
	mustUpdate(t, other, "refused", addRequest)
	require.NoError(t, s.Update(ctx, "refused", func(o *approval.Order) error {
		if o.IsEmpty() {
			return errEmpty
		}
		addVote(o)
		return nil
	}), "the refusal of an empty order is not about the stored one")

	mustUpdate(t, other, "left", addRequest)
	require.NoError(t, s.Update(ctx, "left", func(*approval.Order) error { return nil }))
	_, err = s.Get(t.Context(), "left")
	require.NoError(t, err, "an order that the transition leaves as it is stays")
	require.NoError(t, s.Update(ctx, "absent", removeOrder))
	_, err = s.Get(t.Context(), "absent")
	require.ErrorIs(t, err, approval.ErrNotFound)
}
