// Package loopback chooses addresses for servers that a test stops and starts again at the same address.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Address returns a free host:port on this machine that stays free while its server is down. The host is a random
// address of the 16 million in 127.0.0.0/8 (RFC 1122, section 3.2.1.3), while other programs use 127.0.0.1. A port of
// 127.0.0.1 itself may be taken by another program before a killed server is back. Linux has all of these hosts, other
// systems only some.
func Address() (string, error) {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // not a secret
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
