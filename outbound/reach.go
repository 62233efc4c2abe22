package outbound

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/approval-relay/approval-relay/setup"
)

// Reach are the settings that open the guard of an adapter in part. Settings of adapters that call URLs embed it with the
// tag `yaml:",inline"`.
type Reach struct {
	Prefixes []string `yaml:"allowed_prefixes" doc:"internal addresses that may be called beside public addresses, such as 10.96.0.0/12"`
	Ports    []int    `yaml:"allowed_ports" doc:"ports that may be called beside 443"`
}

// Validate implements setup.Validator.
func (r *Reach) Validate(c *setup.Check) {
	for i, text := range r.Prefixes {
		field := "allowed_prefixes[" + strconv.Itoa(i) + "]"
		p, err := parsePrefix(text)
		switch {
		case err != nil || p.Addr().Is4In6():
			c.Fault(field, "must be an address with the length of its prefix, such as 10.96.0.0/12 or fd12:3456::/48")
		case p != p.Masked():
			c.Fault(field, "has bits beyond the length of its prefix; the prefix is %s", p.Masked())
		case slices.ContainsFunc(neverCalled(), func(never netip.Prefix) bool {
			return never.Bits() <= p.Bits() && never.Contains(p.Addr())
		}):
			c.Fault(field, "is never called: it is a link-local address or the metadata service of a cloud")
		}
	}
	for i, port := range r.Ports {
		c.Within("allowed_ports["+strconv.Itoa(i)+"]", port, 1, 65535)
	}
}

// AllowedPrefixes returns the valid prefixes.
func (r *Reach) AllowedPrefixes() []netip.Prefix {
	var prefixes []netip.Prefix
	for _, text := range r.Prefixes {
		if p, err := parsePrefix(text); err == nil {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// AllowedPorts returns the ports with the given ones before them, or nil if there are none in the settings.
func (r *Reach) AllowedPorts(before ...uint16) []uint16 {
	if len(r.Ports) == 0 {
		return nil
	}
	for _, port := range r.Ports {
		before = append(before, uint16(port))
	}
	return before
}

// parsePrefix reads a prefix, or an address as the prefix of only itself.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}
