// Package loopback picks addresses for servers that a test starts, ends and
// starts again at the same place.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Address returns a free host:port on this machine, which nobody else takes while
// its server is away: the host is one of the 16 million of 127.0.0.0/8 (RFC 1122,
// section 3.2.1.3), picked at random, and what connects or listens beside us does
// so from 127.0.0.1. A port of 127.0.0.1 itself may be another's by the time that
// a killed server is back. Linux has all of these hosts; other systems only some.
func Address() (string, error) {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // it keeps no secret
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
