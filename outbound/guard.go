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
// link-local, multicast, IPv4 mapped into IPv6, NAT64, …) except for the allowed prefixes, and all ports except for the
// allowed ports. Whatever the configuration allows, it refuses link-local addresses, the metadata services of clouds,
// and the program's own listeners: they trust everybody who reaches them.
type Guard struct {
	public        *ssrf.Guardian // nil if internal addresses are allowed
	never         []netip.Prefix
	ports         []uint16
	isOwnListener func(netip.AddrPort) bool
}

// NewGuard returns the guard of a client with this configuration.
func NewGuard(c ClientConfig) *Guard {
	g := &Guard{
		never:         neverCalled(),
		ports:         c.AllowedPorts,
		isOwnListener: c.IsOwnListener,
	}
	if g.isOwnListener == nil {
		g.isOwnListener = func(netip.AddrPort) bool { return false }
	}
	if c.AllowInternal {
		return g
	}
	var v4, v6 []netip.Prefix
	for _, p := range c.AllowedPrefixes {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	g.public = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return g
}

// neverCalled returns the addresses that no configuration opens.
func neverCalled() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), // the host itself, under another name than 127.0.0.1
		netip.MustParsePrefix("::/128"),
		netip.MustParsePrefix("169.254.0.0/16"), // link-local: the metadata services of most clouds, of ECS and of EKS
		netip.MustParsePrefix("fe80::/10"),
		netip.MustParsePrefix("fd00:ec2::/32"),          // AWS: metadata, Pod Identity, DNS, time
		netip.MustParsePrefix("fd20:ce::254/128"),       // Google Cloud
		netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // Oracle Cloud
		netip.MustParsePrefix("192.0.0.192/32"),         // Oracle Cloud Classic
		netip.MustParsePrefix("168.63.129.16/32"),       // Azure WireServer
		netip.MustParsePrefix("100.100.100.200/32"),     // Alibaba Cloud
		netip.MustParsePrefix("fd00:42::42/128"),        // Scaleway
		netip.MustParsePrefix("fd00:a9fe:a9fe::1/128"),  // Akamai
	}
}

// AllowsPort reports whether the port is called.
func (g *Guard) AllowsPort(port uint16) bool {
	return len(g.ports) == 0 || slices.Contains(g.ports, port)
}

// AllowsAddress reports whether the address is called at this port, if the port is called at all.
func (g *Guard) AllowsAddress(addr netip.AddrPort) bool {
	for _, form := range formsOf(addr.Addr()) {
		if slices.ContainsFunc(g.never, func(p netip.Prefix) bool { return p.Contains(form) }) {
			return false
		}
		if g.isOwnListener(netip.AddrPortFrom(form, addr.Port())) {
			return false
		}
	}
	return g.public == nil || g.public.SafeAddr(addr.Addr().WithZone("")) == nil
}

// formsOf returns the address, without its zone, and the IPv4 address inside of it, if there is one: a gateway in the
// network may call that address.
func formsOf(addr netip.Addr) []netip.Addr {
	addr = addr.WithZone("")
	if addr.Is4() {
		return []netip.Addr{addr}
	}
	b := addr.As16()
	begins := func(text string) bool { return netip.MustParsePrefix(text).Contains(addr) }
	switch {
	case addr.Is4In6():
		return []netip.Addr{addr, addr.Unmap()}
	case begins("64:ff9b::/96"), begins("64:ff9b:1::/48"), begins("::/96") && !addr.IsLoopback(): // NAT64, IPv4-compatible
		return []netip.Addr{addr, netip.AddrFrom4([4]byte(b[12:]))}
	case begins("2002::/16"): // 6to4
		return []netip.Addr{addr, netip.AddrFrom4([4]byte(b[2:6]))}
	}
	return []netip.Addr{addr}
}

// checkDial is called by the dialer with the resolved address.
func (g *Guard) checkDial(network, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") || !g.AllowsPort(addr.Port()) || !g.AllowsAddress(addr) {
		return ErrForbiddenAddress
	}
	return nil
}
