package config

import (
	"math"
	"net/netip"

	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Proxies returns the networks of the trusted proxies.
func (l *Listener) Proxies() []netip.Prefix {
	networks, _ := inbound.ParseNetworks(l.TrustedProxies) // validated
	return networks
}

func (l *Listener) validate(check *setup.Check) {
	for i, text := range l.TrustedProxies {
		network, err := inbound.ParseNetwork(text)
		switch {
		case err != nil:
			check.Fault("trusted_proxies"+index(i), "%s", err)
		case network.Bits() == 0:
			check.Warn("trusted_proxies"+index(i), "trusts everybody, so every client chooses the address that limits and "+
				"logs take for theirs; name the networks of your proxies")
		}
	}
	check.Between("hsts", l.HSTS, 0, 10*defaultHSTS)
	check.Within("max_connections", l.MaxConnections, 16, 1_000_000)
	if l.TLS != nil {
		l.TLS.Validate(check.At("tls"))
	}
}

// validateRate checks the rate of all requests of the public address.
func (p *Public) validateRate(check *setup.Check) {
	if !(p.Rate >= 0) || math.IsInf(p.Rate, 0) { // NaN is not above 0
		check.Fault("rate", "must be a number above 0, or 0 for no limit")
	}
	if p.Rate > 0 && p.Burst < 1 {
		check.Fault("burst", "must be at least 1")
	}
}
