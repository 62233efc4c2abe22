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
	wireTrue   = 2 // it ends with the tag
	wireBits   = 2 // the lowest bits of a tag have the kind, the others the number of the field
)

// value is the value of a field, as it is in the record.
type value struct {
	wire   uint64
	number uint64
	bytes  []byte
}

// cursor reads bytes from a place on. It has an index, because to cut the slice anew each time is slower: the garbage
// collector follows pointers.
type cursor struct {
	b  []byte
	at int
}

// isAtEnd reports whether all bytes were read.
func (c *cursor) isAtEnd() bool { return c.at == len(c.b) }

// left returns the number of bytes that were not read.
func (c *cursor) left() uint64 { return uint64(len(c.b) - c.at) }

// number reads a varint. It returns false if the bytes end within it, or if it is too large.
func (c *cursor) number() (uint64, bool) {
	if c.at < len(c.b) && c.b[c.at] < 0x80 { // most numbers are small
		c.at++
		return uint64(c.b[c.at-1]), true
	}
	n, size := binary.Uvarint(c.b[c.at:])
	if size <= 0 {
		return 0, false
	}
	c.at += size
	return n, true
}

// take reads that many bytes.
func (c *cursor) take(n uint64) ([]byte, bool) {
	if n > c.left() {
		return nil, false
	}
	start := c.at
	c.at += int(n)
	return c.b[start:c.at:c.at], true
}

// bytes reads a length and that many bytes.
func (c *cursor) bytes() ([]byte, bool) {
	n, ok := c.number()
	if !ok {
		return nil, false
	}
	return c.take(n)
}

// field reads a field with its tag.
func (c *cursor) field() (number uint64, v value, ok bool) {
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
	return tag >> wireBits, v, ok
}

func appendTag(b []byte, number, wire uint64) []byte {
	return binary.AppendUvarint(b, number<<wireBits|wire)
}

// zigzag maps the integers to the natural numbers, so that small numbers have a short varint, also below zero.
func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// asInt returns a number as an int, and false if this platform's int cannot hold it.
func asInt(n uint64) (int, bool) {
	i := unzigzag(n)
	return int(i), i >= math.MinInt && i <= math.MaxInt
}

// sizeOfNumber returns the number of bytes of a varint.
func sizeOfNumber(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }
