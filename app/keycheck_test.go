package app

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// keyPlace is a folder with a database, and a key file that tests exchange.
type keyPlace struct {
	t   *testing.T
	dir string
	log *lockedBuffer
}

func newKeyPlace(t *testing.T) keyPlace {
	return keyPlace{t: t, dir: t.TempDir(), log: &lockedBuffer{}}
}

// open wires a program with these keys.
func (p keyPlace) open(ring *keys.Ring) (*App, error) {
	p.t.Helper()
	file := filepath.Join(p.dir, "keys")
	require.NoError(p.t, ring.SaveFile(file))
	c := parseConfig(p.t, `{operator: {listen: "127.0.0.1:0", tokens: {ops: "`+reloadToken+`"}}, store: {sqlite: "`+
		filepath.Join(p.dir, "relay.db")+`"}, keys: {file: "`+file+`"}}`)
	return New(p.t.Context(), c, Options{Log: slog.New(slog.NewTextHandler(p.log, nil))})
}

// use opens the program with keys that fit, and closes it.
func (p keyPlace) use(ring *keys.Ring, do func(*App)) {
	p.t.Helper()
	a, err := p.open(ring)
	require.NoError(p.t, err)
	do(a)
	require.NoError(p.t, a.store.Close())
}

// refused requires that the program does not start with these keys.
func (p keyPlace) refused(ring *keys.Ring, texts ...string) {
	p.t.Helper()
	_, err := p.open(ring)
	require.Error(p.t, err)
	for _, text := range texts {
		require.ErrorContains(p.t, err, text)
	}
}

func ask(t *testing.T, a *App, order string) {
	t.Helper()
	require.NoError(t, a.store.Update(t.Context(), order, func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token:     approval.NewToken("token of " + order),
			Target:    "stepfunctions",
			Workflow:  "default",
			Policy:    approval.Policy{Kind: approval.PolicyAny},
			Deadline:  time.Now().Add(time.Hour),
			Retention: time.Hour,
		}, approval.Environment{Now: time.Now()})
		return err
	}))
}

// A key file that does not belong to the store is refused at the start, and the error names the keys on both sides.
func TestWrongKeysAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	p := newKeyPlace(t)
	first, other := keys.NewRing(time.Now()), keys.NewRing(time.Now())
	p.use(first, func(a *App) { ask(t, a, "A-1") })
	p.refused(other, "was sealed with key "+first.PrimaryID(), "has only key "+other.PrimaryID(), "relay.db")
	p.use(first, func(a *App) { require.NoError(t, a.unreadable.err()) })

	// An empty store is bound to its keys too: the links that were sent before are signed with them.
	empty := newKeyPlace(t)
	empty.use(first, func(*App) {})
	empty.refused(other, first.PrimaryID())
}

// A rotation is not refused, a file from before the rotation is, and a file that lost a key is as long as a waiting order
// needs that key.
func TestKeysAfterARotation(t *testing.T) {
	t.Parallel()
	p := newKeyPlace(t)
	old := keys.NewRing(time.Now())
	p.use(old, func(a *App) { ask(t, a, "A-1") })
	rotated := old.Rotate(time.Now())
	p.use(rotated, func(*App) {})
	p.use(rotated, func(a *App) { ask(t, a, "A-2") })

	p.refused(old, `"A-2"`, "sealed with key "+rotated.PrimaryID())
	onlyNew := lostKeys(t, rotated)
	p.refused(onlyNew, `"A-1"`, "sealed with key "+old.PrimaryID(), "has only key "+rotated.PrimaryID())

	p.use(rotated, func(a *App) { // the order is stored again, sealed with the new key
		require.NoError(t, a.store.Update(t.Context(), "A-1", func(o *approval.Order) error {
			o.Approvals[0].Title = "changed"
			return nil
		}))
	})
	p.use(onlyNew, func(a *App) { require.NoError(t, a.unreadable.err()) })
	require.Contains(t, p.log.String(), "missing=\"key "+old.PrimaryID())
}

// lostKeys returns the ring with its primary key only.
func lostKeys(t *testing.T, ring *keys.Ring) *keys.Ring {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, ring.CreateFile(file))
	text := readFile(t, file)
	only, err := keys.ParseFile([]byte(firstLines(text, 2)))
	require.NoError(t, err)
	require.Equal(t, ring.PrimaryID(), only.PrimaryID())
	return only
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func firstLines(text string, n int) string {
	return strings.Join(strings.SplitN(text, "\n", n+1)[:n], "\n")
}

// A store of a program that had no register of keys is checked by its orders.
func TestWrongKeysOfAnOlderStore(t *testing.T) {
	t.Parallel()
	p := newKeyPlace(t)
	ring := keys.NewRing(time.Now())
	p.use(ring, func(a *App) { ask(t, a, "A-1") })
	db, err := sql.Open("sqlite", filepath.Join(p.dir, "relay.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "DELETE FROM seal_keys")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	p.refused(keys.NewRing(time.Now()), `"A-1"`, "sealed with key "+ring.PrimaryID())
	p.use(ring, func(*App) {})
}

// An order that cannot be opened while the program runs makes it not ready and is logged, until it can be opened again.
func TestUnreadableOrderIsNotReady(t *testing.T) {
	t.Parallel()
	p := newKeyPlace(t)
	ring := keys.NewRing(time.Now())
	p.use(ring, func(a *App) {
		ask(t, a, "A-1")
		ask(t, a, "A-2")
	})
	p.use(ring, func(a *App) { // without the orders that the store keeps in memory
		observed := observedStore{a.store, a.metrics, a.unreadable}
		swap := func(sealer store.Sealer) {
			o, err := a.store.Get(t.Context(), "A-2")
			require.NoError(t, err)
			o.ID = "A-1"
			record, err := store.Encode("A-1", o, store.NewUnknown(), sealer)
			require.NoError(t, err)
			db, err := sql.Open("sqlite", filepath.Join(p.dir, "relay.db"))
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "UPDATE orders SET record = ? WHERE id = CAST('A-1' AS BLOB)", record)
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}
		swap(keys.NewRing(time.Now()))
		_, err := observed.Get(t.Context(), "A-1")
		require.ErrorIs(t, err, keys.ErrUnknownKey)
		_, err = observed.Get(t.Context(), "A-2")
		require.NoError(t, err)
		require.ErrorContains(t, a.unreadable.err(), "1 orders")
		require.Contains(t, p.log.String(), "cannot be opened")
		require.Contains(t, p.log.String(), "A-1")
		swap(ring)
		_, err = observed.Get(t.Context(), "A-1")
		require.NoError(t, err)
		require.NoError(t, a.unreadable.err())
	})
}
