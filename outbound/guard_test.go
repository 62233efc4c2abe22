package outbound_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// No configuration opens link-local addresses, the metadata services of clouds, and the program's own listeners,
// whatever the form of the address.
func TestGuardNeverOpensMetadataAndOwnListeners(t *testing.T) {
	t.Parallel()
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, c := range []outbound.ClientConfig{
		{},
		{AllowInternal: true},
		{AllowedPrefixes: everything},
		{AllowInternal: true, AllowedPrefixes: everything, AllowedPorts: []uint16{80, 443}},
	} {
		c.IsOwnListener = func(a netip.AddrPort) bool { return a.String() == "127.0.0.1:9090" }
		guard := outbound.NewGuard(c)
		for _, address := range []string{
			"169.254.169.254:80",          // EC2, Google Cloud, Azure, …
			"169.254.170.2:80",            // ECS
			"169.254.170.23:80",           // EKS Pod Identity
			"169.254.0.1:443",             // link-local
			"168.63.129.16:80",            // Azure WireServer
			"100.100.100.200:80",          // Alibaba Cloud
			"192.0.0.192:80",              // Oracle Cloud Classic
			"0.0.0.0:9090",                // the host itself
			"[::]:9090",                   //
			"[fd00:ec2::254]:80",          // EC2
			"[fd00:ec2::23]:80",           // EKS Pod Identity
			"[fd20:ce::254]:80",           // Google Cloud
			"[fd00:c1::a9fe:a9fe]:80",     // Oracle Cloud
			"[fd00:42::42]:80",            // Scaleway
			"[fe80::1]:443",               // link-local
			"[fe80::1%eth0]:443",          //
			"[::ffff:169.254.169.254]:80", // IPv4 mapped into IPv6
			"[::169.254.169.254]:80",      // IPv4-compatible
			"[64:ff9b::a9fe:a9fe]:80",     // NAT64
			"[64:ff9b:1::100.100.100.200]:80",
			"[2002:a9fe:a9fe::1]:80", // 6to4
			"127.0.0.1:9090",         // our own listener
			"[::ffff:127.0.0.1]:9090",
		} {
			require.False(t, guard.AllowsAddress(netip.MustParseAddrPort(address)), "%s: %+v", address, c)
		}
	}
	open := outbound.NewGuard(outbound.ClientConfig{AllowInternal: true})
	for _, address := range []string{
		"127.0.0.1:9090", "10.0.0.1:80", "192.168.1.1:80", "100.64.0.1:80", "100.100.100.201:80", "168.63.129.17:80",
		"[fd00::1]:80", "[::1]:80", "[fd12:3456::254]:80", "1.1.1.1:443",
	} {
		require.True(t, open.AllowsAddress(netip.MustParseAddrPort(address)), address)
	}
}

func TestReachIsValidated(t *testing.T) {
	t.Parallel()
	require.NoError(t, setup.FaultsOf(&outbound.Reach{
		Prefixes: []string{"10.96.0.0/12", "192.168.1.7", "fd12:3456::/48", "0.0.0.0/0", "fd00::1"},
		Ports:    []int{1, 8443, 65535},
	}))
	for prefix, want := range map[string]string{
		"":                 "allowed_prefixes[0]: must be an address",
		"cluster.local":    "allowed_prefixes[0]: must be an address",
		"10.0.0.0/33":      "allowed_prefixes[0]: must be an address",
		"::ffff:10.0.0.1":  "allowed_prefixes[0]: must be an address",
		"fe80::1%eth0":     "allowed_prefixes[0]: must be an address",
		"10.96.0.1/12":     "allowed_prefixes[0]: has bits beyond the length of its prefix; the prefix is 10.96.0.0/12",
		"169.254.0.0/16":   "allowed_prefixes[0]: is never called",
		"169.254.169.254":  "allowed_prefixes[0]: is never called",
		"168.63.129.16/32": "allowed_prefixes[0]: is never called",
		"fd00:ec2::254":    "allowed_prefixes[0]: is never called",
		"fe80::/10":        "allowed_prefixes[0]: is never called",
	} {
		require.ErrorContains(t, setup.FaultsOf(&outbound.Reach{Prefixes: []string{prefix}}), want, prefix)
	}
	require.ErrorContains(t, setup.FaultsOf(&outbound.Reach{Ports: []int{0}}), "allowed_ports[0]: is 0, must be 1 to 65535")
	require.ErrorContains(t, setup.FaultsOf(&outbound.Reach{Ports: []int{443, 65536}}), "allowed_ports[1]: is 65536")
}
