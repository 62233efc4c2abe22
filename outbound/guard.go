package outbound

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"

	"github.com/approval-relay/approval-relay/approval"
)

// ErrForbiddenAddress is the error of a request that the guard refused. It does not name the address: the sender of
// the request would learn the addresses of our internal names.
var ErrForbiddenAddress = approval.WithReasonCode(approval.ReasonAddressForbidden,
	errors.New("the URL leads to an address or port that is not allowed"))

// Guard refuses internal addresses: all that IANA's special-purpose registries list (loopback, private, shared,
// link-local with the metadata service of the clouds, multicast, IPv4 mapped into IPv6, NAT64, …) except for the
// allowed prefixes, and all ports except for the allowed ports. A nil Guard allows everything.
type Guard struct {
	addresses *ssrf.Guardian
	ports     []uint16
}

// NewGuard returns the guard of a client with this configuration, or nil if the client calls internal addresses too.
func NewGuard(c ClientConfig) *Guard {
	if c.AllowInternal {
		return nil
	}
	var v4, v6 []netip.Prefix
	for _, p := range c.AllowedPrefixes {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	ports := ssrf.WithAnyPort()
	if len(c.AllowedPorts) > 0 {
		ports = ssrf.WithPorts(c.AllowedPorts...)
	}
	return &Guard{
		addresses: ssrf.New(ports, ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...)),
		ports:     c.AllowedPorts,
	}
}

// AllowsPort reports whether the port is called.
func (g *Guard) AllowsPort(port uint16) bool {
	return g == nil || len(g.ports) == 0 || slices.Contains(g.ports, port)
}

// AllowsAddress reports whether the address is called.
func (g *Guard) AllowsAddress(addr netip.Addr) bool {
	return g == nil || g.addresses.SafeAddr(addr) == nil
}

// checkDial is called by the dialer with the resolved address.
func (g *Guard) checkDial(network, address string, conn syscall.RawConn) error {
	if g.addresses.Safe(network, address, conn) != nil {
		return ErrForbiddenAddress
	}
	return nil
}
