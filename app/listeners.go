package app

import (
	"net"
	"net/netip"
	"sync"
)

// listeners are the addresses at which the program listens. Calls to addresses from outside never lead there: the
// operator's address may be open to the host itself.
type listeners struct {
	mu        sync.RWMutex
	addresses []netip.AddrPort
}

// add adds the address of a listener.
func (l *listeners) add(address net.Addr) {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return
	}
	at := tcp.AddrPort()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses = append(l.addresses, netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()))
}

// has reports whether a connection to this address leads to a listener. A listener at all interfaces is reached by every
// address of the host.
func (l *listeners) has(to netip.AddrPort) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	host := to.Addr().Unmap().WithZone("")
	for _, at := range l.addresses {
		switch {
		case at.Port() != to.Port():
		case at.Addr() == host:
			return true
		case at.Addr().IsUnspecified() && isLocal(host):
			return true
		}
	}
	return false
}

// isLocal reports whether the address is one of this host. If the interfaces cannot be read, every address counts as one.
func isLocal(address netip.Addr) bool {
	if address.IsLoopback() || address.IsUnspecified() {
		return true
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, i := range interfaces {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().WithZone("") == address {
			return true
		}
	}
	return false
}
