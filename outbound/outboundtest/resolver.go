// Package outboundtest has the helpers for tests of outgoing calls.
package outboundtest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
)

// NewResolver returns a resolver for which every name has this address.
func NewResolver(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answerDNS(theirs, netip.MustParseAddr(addr))
		return ours, nil
	}}
}

// answerDNS speaks DNS over a stream (RFC 1035, section 4). A question for A or AAAA records is answered with the
// address if it is of that kind.
func answerDNS(conn net.Conn, addr netip.Addr) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, q); err != nil {
			return
		}
		end := 12
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		kind := binary.BigEndian.Uint16(q[end+1:])
		reply := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end+5]...)
		if (kind == 1 && addr.Is4()) || (kind == 28 && addr.Is6()) {
			reply[7] = 1
			reply = append(reply, 0xc0, 12, q[end+1], q[end+2], 0, 1, 0, 0, 0, 0, 0, byte(len(addr.AsSlice())))
			reply = append(reply, addr.AsSlice()...)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}
