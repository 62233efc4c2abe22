package record

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The kinds of a value on the wire. A program skips the value of a field that it does not know by its kind.
const (
	wireNumber = 0 // an unsigned varint
	wireBytes  = 1 // a varint with the length, and that many bytes
	wireTrue   = 2 // nothing follows
	wireBits   = 2 // the lowest bits of a tag have the kind, the others the number of the field
)

// value is the value of a field, as it is in the record.
type value struct {
	wire   uint64
	number uint64
	bytes  []byte
	raw    []byte // the whole field, with its tag
}

// cursor reads the beginning of its bytes.
type cursor struct{ rest []byte }

// number reads a varint. It returns false if the bytes end within it, or if it is too large.
func (c *cursor) number() (uint64, bool) {
	if len(c.rest) > 0 && c.rest[0] < 0x80 { // most numbers are small
		n := c.rest[0]
		c.rest = c.rest[1:]
		return uint64(n), true
	}
	n, size := binary.Uvarint(c.rest)
	if size <= 0 {
		return 0, false
	}
	c.rest = c.rest[size:]
	return n, true
}

// bytes reads a length and that many bytes.
func (c *cursor) bytes() ([]byte, bool) {
	n, ok := c.number()
	if !ok || n > uint64(len(c.rest)) {
		return nil, false
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b, true
}

// field reads a field with its tag.
func (c *cursor) field() (number uint64, v value, ok bool) {
	before := c.rest
	tag, ok := c.number()
	if !ok {
		return 0, v, false
	}
	v.wire = tag & (1<<wireBits - 1)
	switch v.wire {
	case wireNumber:
		v.number, ok = c.number()
	case wireBytes:
		v.bytes, ok = c.bytes()
	case wireTrue:
	default:
		ok = false
	}
	v.raw = before[:len(before)-len(c.rest)]
	return tag >> wireBits, v, ok
}

func appendTag(b []byte, number, wire uint64) []byte {
	return binary.AppendUvarint(b, number<<wireBits|wire)
}

// zigzag maps the integers to the natural numbers, so that those near zero have a short varint.
func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// asInt returns a number as an int, and false if this platform's int cannot hold it.
func asInt(n uint64) (int, bool) {
	i := unzigzag(n)
	return int(i), i >= math.MinInt && i <= math.MaxInt
}

// sizeOfNumber returns the number of bytes of a varint.
func sizeOfNumber(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }
