package app

import (
	"net"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// A listener at all interfaces is reached by every address of the host, another one by its own address only.
func TestListenersAreKnownByEveryAddress(t *testing.T) {
	t.Parallel()
	l := &listeners{}
	l.add(&net.TCPAddr{IP: net.IPv6unspecified, Port: 8080})
	l.add(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9090})
	l.add(&net.UnixAddr{Name: "socket"})
	for address, want := range map[string]bool{
		"127.0.0.1:8080":          true,
		"127.9.9.9:8080":          true,
		"[::1]:8080":              true,
		"0.0.0.0:8080":            true,
		"[::ffff:127.0.0.1]:8080": true,
		"192.0.2.1:8080":          false, // another host
		"127.0.0.1:8081":          false,
		"127.0.0.1:9090":          true,
		"[::ffff:127.0.0.1]:9090": true,
		"127.0.0.2:9090":          false,
		"[::1]:9090":              false,
	} {
		require.Equal(t, want, l.has(netip.MustParseAddrPort(address)), address)
	}
	interfaces, err := net.InterfaceAddrs()
	require.NoError(t, err)
	require.NotEmpty(t, interfaces)
	for _, i := range interfaces {
		own := netip.MustParsePrefix(i.String()).Addr()
		require.True(t, l.has(netip.AddrPortFrom(own, 8080)), own)
	}
}

// Callbacks and notifications never lead to the program itself, even where they may be internal.
func TestOwnListenersAreNeverCalled(t *testing.T) {
	t.Parallel()
	own, other := httptest.NewServer(nil), httptest.NewServer(nil)
	defer own.Close()
	defer other.Close()
	c := parseConfig(t, `targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allow_http: true, allow_internal: true}}}
channels: {hook: {webhook: {url: "`+own.URL+`", secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allow_internal: true}}}`)
	a := appOf(t, prometheus.NewRegistry(), c)
	a.listeners.add(own.Listener.Addr())
	opened, err := a.openTargets(c, nil)
	require.NoError(t, err)
	channels, err := a.openChannels(c, nil)
	require.NoError(t, err)

	require.Error(t, opened.validateURL["http"](own.URL), "at the request")
	require.NoError(t, opened.validateURL["http"](other.URL))
	answer := approval.Answer{OrderID: "A-1", ApprovalID: "1", Token: approval.NewToken(own.URL), Status: approval.Approved}
	require.True(t, approval.IsPermanent(opened.byName["http"].Deliver(t.Context(), answer)))
	err = channels["hook"].Sender.Notify(t.Context(), approval.Message{})
	require.ErrorIs(t, err, outbound.ErrForbiddenAddress)
}
