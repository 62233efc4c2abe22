package postgres

import (
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// byteArray is a value of the type bytea[].
type byteArray [][]byte

// byteArrayCodec encodes a byteArray into a buffer of the right size. The codec of pgx, which reads all other values, lets the
// buffer grow with each element.
type byteArrayCodec struct{ pgtype.Codec }

// registerByteArray makes a connection use byteArrayCodec.
func registerByteArray(m *pgtype.Map) {
	if t, found := m.TypeForOID(pgtype.ByteaArrayOID); found {
		m.RegisterType(&pgtype.Type{Name: t.Name, OID: t.OID, Codec: byteArrayCodec{t.Codec}})
		m.RegisterDefaultPgType(byteArray(nil), t.Name) // for modes that do not ask the server for the types of arguments
	}
}

// PlanEncode implements pgtype.Codec.
func (c byteArrayCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(byteArray); ok && format == pgtype.BinaryFormatCode {
		return c
	}
	return c.Codec.PlanEncode(m, oid, format, value)
}

// Encode implements pgtype.EncodePlan: array_recv of PostgreSQL reads the format.
func (byteArrayCodec) Encode(value any, buf []byte) ([]byte, error) {
	elements := value.(byteArray)
	size := 5 * 4 // the head
	for _, b := range elements {
		size += 4 + len(b)
	}
	buf = slices.Grow(buf, size)
	for _, n := range []int{1, 0, pgtype.ByteaOID, len(elements), 1} { // dimensions, NULLs, type, length, lower bound
		buf = binary.BigEndian.AppendUint32(buf, uint32(n))
	}
	for _, b := range elements {
		buf = append(binary.BigEndian.AppendUint32(buf, uint32(len(b))), b...)
	}
	return buf, nil
}
