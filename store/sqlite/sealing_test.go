package sqlite

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// onDisk returns all bytes of the store's files.
func onDisk(t *testing.T, s *Store) []byte {
	t.Helper()
	var out []byte
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		b, err := os.ReadFile(s.config.Path + suffix)
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		out = append(out, b...)
	}
	return out
}

// requireHidden requires that the files contain no part of a secret.
func requireHidden(t *testing.T, s *Store, secret string) {
	t.Helper()
	disk := onDisk(t, s)
	for at := 0; at+16 <= len(secret); at++ {
		part := []byte(secret[at : at+16])
		require.False(t, bytes.Contains(disk, part), "in the clear: %s", part)
		require.False(t, bytes.Contains(disk, []byte(hex.EncodeToString(part))), "in hex: %s", part)
		coded := base64.RawStdEncoding.EncodeToString([]byte(secret[at : at+15]))
		require.False(t, bytes.Contains(disk, []byte(coded)), "in base64: %s", part)
	}
}

func TestSecretsAreNowhereOnDisk(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	for _, id := range []string{"kept", "erased", "removed"} {
		mustUpdate(t, s, id, addRequest)
		mustUpdate(t, s, id, requestOrVote)
	}
	mustUpdate(t, s, "erased", func(o *approval.Order) error {
		o.Approvals[0].Token = approval.Token{}
		return nil
	})
	mustUpdate(t, s, "removed", func(o *approval.Order) error {
		o.Approvals = nil
		return nil
	})
	body := `{"taskToken":"` + tokenOf("letter") + `"}`
	_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{
		Reason:   "a reason",
		Body:     []byte(body),
		Metadata: map[string]string{"m": tokenOf("metadata")},
	})
	require.NoError(t, err)
	check := func(s *Store) {
		for _, text := range []string{"payments", "a reason", "erased"} {
			require.True(t, bytes.Contains(onDisk(t, s), []byte(text)), "the same search finds other texts: %s", text)
		}
		for _, id := range []string{"kept", "erased", "removed", "letter", "metadata"} {
			requireHidden(t, s, tokenOf(id))
		}
	}
	check(s)
	require.NoError(t, s.Close())
	check(s)
	s = open(t, c)
	requireOrder(t, s, "kept", 1)
	letter, err := s.GetDeadLetter(t.Context(), store.FormatDeadLetterID(1))
	require.NoError(t, err)
	require.Equal(t, body, string(letter.Body))
	require.Equal(t, tokenOf("metadata"), letter.Metadata["m"])
}

// TestKeysRotate seals with a key, and opens with a ring in which that key is an older key. After a write, the old key
// is no longer needed.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	old := keys.NewRing(time.Now())
	rotated := old.Rotate(time.Now())
	with := func(sealer store.Sealer, f func(s *Store)) {
		s := open(t, Config{Path: path, Sealer: sealer})
		f(s)
		require.NoError(t, s.Close())
	}
	put := func(s *Store, body string) {
		_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Body: []byte(body)})
		require.NoError(t, err)
	}
	with(old, func(s *Store) {
		mustUpdate(t, s, "written again", addRequest)
		mustUpdate(t, s, "left alone", addRequest)
		put(s, "old")
	})
	with(rotated, func(s *Store) {
		requireOrder(t, s, "left alone", 0)
		mustUpdate(t, s, "written again", requestOrVote)
		put(s, "new")
	})
	with(old, func(s *Store) { // sealed with the new key
		_, err := s.Get(t.Context(), "written again")
		require.ErrorIs(t, err, keys.ErrUnknownKey)
		requireOrder(t, s, "left alone", 0)
	})
	with(primaryOnly(t, rotated), func(s *Store) { // the old key is no longer needed for it
		requireOrder(t, s, "written again", 1)
		_, err := s.Get(t.Context(), "left alone")
		require.ErrorIs(t, err, keys.ErrUnknownKey)
		require.ErrorIs(t, s.Update(t.Context(), "left alone", requestOrVote), keys.ErrUnknownKey)
		letters, err := s.ListDeadLetters(t.Context(), "", 10)
		require.NoError(t, err)
		require.Len(t, letters, 2, "a letter is listed although it cannot be opened")
		_, err = s.GetDeadLetter(t.Context(), store.FormatDeadLetterID(1))
		require.ErrorIs(t, err, keys.ErrUnknownKey)
		require.ErrorContains(t, err, store.FormatDeadLetterID(1), "which it is")
		letter, err := s.GetDeadLetter(t.Context(), store.FormatDeadLetterID(2))
		require.NoError(t, err)
		require.Equal(t, "new", string(letter.Body))
		require.NoError(t, s.DeleteDeadLetter(t.Context(), store.FormatDeadLetterID(1)))
	})
	with(rotated, func(s *Store) { requireOrder(t, s, "left alone", 0) })
}

// primaryOnly returns a ring with the primary key only.
func primaryOnly(t *testing.T, ring *keys.Ring) *keys.Ring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, ring.CreateFile(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	out, err := keys.ParseFile([]byte(lines[0] + lines[1]))
	require.NoError(t, err)
	require.Equal(t, ring.PrimaryID(), out.PrimaryID())
	return out
}

// TestSealsAreBound moves a sealed token to another order, where it cannot be opened.
func TestSealsAreBound(t *testing.T) {
	t.Parallel()
	c := Config{Path: newPath(t), Sealer: keys.NewRing(time.Now())}
	s := open(t, c)
	mustUpdate(t, s, "mine", addRequest)
	mustUpdate(t, s, "yours", addRequest)
	require.NoError(t, s.Close())
	writeAsJSON(t, c) // whose text can be changed here
	execute(t, c.Path, `UPDATE orders SET record = CAST(replace(CAST(record AS TEXT), 'mine', 'yours') AS BLOB)
		WHERE id = CAST('mine' AS BLOB);
		UPDATE orders SET record = (SELECT record FROM orders WHERE id = CAST('mine' AS BLOB))
		WHERE id = CAST('yours' AS BLOB)`)
	s = open(t, c)
	_, err := s.Get(t.Context(), "yours")
	require.ErrorIs(t, err, keys.ErrCorrupt)
}
