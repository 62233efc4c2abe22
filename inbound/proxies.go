package inbound

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/approval-relay/approval-relay/remote"
)

// ParseNetworks reads networks (10.0.0.0/8) and single addresses.
func ParseNetworks(texts []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range texts {
		network, err := ParseNetwork(text)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// ParseNetwork reads a network or a single address.
func ParseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap().WithZone("")
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network != network.Masked() {
		return netip.Prefix{}, fmt.Errorf("%.60q is not a network such as 10.0.0.0/8 or an address", text)
	}
	return network, nil
}

// ClientAddress returns a handler that finds the client of requests that come through trusted proxies, for
// remote.Address. Each proxy adds the address from which it got the request to X-Forwarded-For or Forwarded. So the
// client is the last address there that is not a trusted proxy itself; what stands before it is the client's own word.
// A trusted proxy also tells whether the client speaks TLS, for remote.IsTLS.
func ClientAddress(trusted []netip.Prefix, next http.Handler) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := remote.Address(r)
		ctx := remote.WithAddress(r.Context(), clientAddress(trusted, peer, r.Header))
		if contains(trusted, peer) && isForwardedTLS(r.Header) {
			ctx = remote.WithTLS(ctx)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// isForwardedTLS reports whether the last proxy says that its client speaks TLS. Proxies that write X-Forwarded-Proto
// replace what the client wrote; of a list, the last value is theirs.
func isForwardedTLS(header http.Header) bool {
	if list := listOf(header.Values("X-Forwarded-Proto")); len(list) > 0 {
		return strings.EqualFold(list[len(list)-1], "https")
	}
	elements := listOf(header.Values("Forwarded"))
	if len(elements) == 0 {
		return false
	}
	for pair := range strings.SplitSeq(elements[len(elements)-1], ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "proto") {
			return strings.EqualFold(strings.Trim(value, `"`), "https")
		}
	}
	return false
}

// clientAddress goes back from the peer for as long as it meets trusted proxies. If the proxies write both headers and
// these name different clients, one of them is the client's own, and the peer counts.
func clientAddress(trusted []netip.Prefix, peer netip.Addr, header http.Header) netip.Addr {
	if !contains(trusted, peer) {
		return peer
	}
	chains := [][]string{listOf(header.Values("X-Forwarded-For")), forwardedFor(header.Values("Forwarded"))}
	found := peer
	for _, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		client := lastUntrusted(trusted, peer, chain)
		if found != peer && client != found {
			return peer
		}
		found = client
	}
	return found
}

// lastUntrusted returns the last address of a chain that is not trusted. It stops at what is not an address.
func lastUntrusted(trusted []netip.Prefix, peer netip.Addr, chain []string) netip.Addr {
	client := peer
	for i := len(chain) - 1; i >= 0; i-- {
		address, ok := parseNode(chain[i])
		if !ok {
			return client
		}
		client = address
		if !contains(trusted, address) {
			return client
		}
	}
	return client
}

func contains(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// listOf returns the elements of a header that is a list, over all its lines.
func listOf(lines []string) []string {
	var elements []string
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			elements = append(elements, strings.TrimSpace(element))
		}
	}
	return elements
}

// forwardedFor returns the "for" parameters of a Forwarded header (RFC 7239). An element without one stands as an empty
// text, at which the search ends.
func forwardedFor(lines []string) []string {
	var nodes []string
	for _, element := range listOf(lines) {
		node := ""
		for parameter := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if strings.EqualFold(name, "for") {
				node = strings.Trim(value, `"`)
			}
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// parseNode reads an address with or without a port: 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1]:4711.
func parseNode(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), true
}
