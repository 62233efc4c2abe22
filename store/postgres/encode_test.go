package postgres

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
)

// TestByteArrayIsEncodedAsByPgx compares the bytes with those that pgx makes of the same elements.
func TestByteArrayIsEncodedAsByPgx(t *testing.T) {
	t.Parallel()
	ours, theirs := pgtype.NewMap(), pgtype.NewMap()
	registerByteArray(ours)
	for _, elements := range [][][]byte{
		{{}},
		{{1}, {}, {2, 3}},
		{bytes.Repeat([]byte("record"), 10_000), {0}},
	} {
		for _, format := range []int16{pgtype.BinaryFormatCode, pgtype.TextFormatCode} {
			want, err := theirs.Encode(pgtype.ByteaArrayOID, format, elements, []byte("before"))
			require.NoError(t, err)
			got, err := ours.Encode(pgtype.ByteaArrayOID, format, byteArray(elements), []byte("before"))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
}
