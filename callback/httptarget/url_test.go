package httptarget_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/outbound/outboundtest"
)

func TestValidateURL(t *testing.T) {
	t.Parallel()
	guarded := httptarget.NewTarget(httptarget.Config{})
	for _, good := range []string{
		"https://example.com", "https://Example.com./cb?x=1", "https://example.com:443/", "https://a-b_c.example.com/%2F",
		"https://1.1.1.1/cb", "https://[2606:4700:4700::1111]/", "https://xn--bcher-kva.example/",
	} {
		if err := guarded.ValidateURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"",
		"s3cret",
		"//example.com/",
		"/cb",
		"https:",
		"https://",
		"https:example.com",
		"https:///cb",
		"https://example.com/a b",
		"https://example.com/?token=s3 cret",
		"https://example.com/cb ",
		"https://example.com/cb\n",
		"https://example.com/?t=\u00a0",
		"http://example.com/",
		"ftp://example.com/",
		"file:///etc/passwd",
		"gopher://example.com/",
		"https://user@example.com/",
		"https://u:s3cret@example.com/",
		"https://example.com/#s3cret",
		"https://example.com/#",
		"https://example.com:8443/",
		"https://example.com:22/",
		"https://example.com:0/",
		"https://example.com:99999/",
		"https://127.0.0.1/",
		"https://127.0.0.1./",
		"https://[::1]/",
		"https://169.254.169.254/latest/meta-data/",
		"https://10.1.2.3/",
		"https://172.16.0.1/",
		"https://192.168.1.1/",
		"https://100.64.0.1/",
		"https://[fd00::1]/",
		"https://[fd00:ec2::254]/",
		"https://[fe80::1]/",
		"https://[fe80::1%25eth0]/",
		"https://[::ffff:127.0.0.1]/",
		"https://[::ffff:a9fe:a9fe]/",
		"https://[::127.0.0.1]/",
		"https://0.0.0.0/",
		"https://0/",
		"https://[::]/",
		"https://[64:ff9b::7f00:1]/",
		"https://[2002:7f00:1::]/",
		"https://224.0.0.1/",
		"https://255.255.255.255/",
		"https://2130706433/",
		"https://0x7f000001/",
		"https://0x7f.1/",
		"https://0177.0.0.1/",
		"https://127.1/",
		"https://127.0.0.1.0x/",
		"https://999999999999999999999999/",
		"https://①②⑦.0.0.1/",
		"https://bücher.example/",
		"https://exa mple.com/",
		"https://example.com\x00/",
		"https://example.com\n/", "https://%31%32%37.0.0.1/", "https://example.com/" + strings.Repeat("s3cret", 400),
	} {
		err := guarded.ValidateURL(bad)
		var field *approval.FieldError
		if !errors.As(err, &field) || field.Field != "callbackUrl" || !approval.IsPermanent(err) {
			t.Errorf("%q: %v", bad, err)
		}
		checkText(t, err)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://Hooks.Example.com/a?b=s3cret": "hooks.example.com",
		"https://hooks.example.com:8443/":      "hooks.example.com:8443",
		"http://[::1]:80/x":                    "[::1]:80",
		"%":                                    "",
	} {
		if got := httptarget.NewTarget(httptarget.Config{}).HostOf(approval.Answer{Token: approval.NewToken(url)}); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestValidateURLAllows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config    httptarget.Config
		good, bad string
	}{
		"HTTP": {httptarget.Config{Settings: httptarget.Settings{AllowHTTP: true}}, "http://example.com/",
			"http://example.com:443443/"},
		"HTTP, guarded": {httptarget.Config{Settings: httptarget.Settings{AllowHTTP: true}}, "https://example.com/",
			"http://127.0.0.1/"},
		"a port": {httptarget.Config{Settings: httptarget.Settings{Reach: outbound.Reach{Ports: []int{8443}}}}, "https://example.com:8443/",
			"https://example.com:80/"},
		"a host": {httptarget.Config{Settings: httptarget.Settings{AllowedHosts: []string{"Example.com"}}},
			"https://example.COM/", "https://notexample.com/"},
		"a name below": {httptarget.Config{Settings: httptarget.Settings{AllowedHosts: []string{".example.com"}}},
			"https://a.b.example.com/", "https://example.com.evil.org/"},
		"no empty host": {httptarget.Config{Settings: httptarget.Settings{AllowedHosts: []string{"", "example.com"}}},
			"https://example.com/", "https://evil.org/"},
		"hosts, still guarded": {
			httptarget.Config{Settings: httptarget.Settings{AllowedHosts: []string{"127.0.0.1", "a.org"}}},
			"https://a.org/",
			"https://127.0.0.1/",
		},
		"a prefix": {
			httptarget.Config{Settings: httptarget.Settings{Reach: outbound.Reach{Prefixes: []string{"10.0.0.0/8"}}}},
			"https://10.1.2.3/",
			"https://127.0.0.1/",
		},
		"an IPv6 prefix": {
			httptarget.Config{Settings: httptarget.Settings{Reach: outbound.Reach{Prefixes: []string{"fd00::/8"}}}},
			"https://[fd00::1]/",
			"https://[fe80::1]/",
		},
		"private": {httptarget.Config{Settings: httptarget.Settings{AllowInternal: true}}, "https://127.0.0.1:1234/",
			"http://127.0.0.1:1234/"},
	} {
		target := httptarget.NewTarget(c.config)
		if err := target.ValidateURL(c.good); err != nil {
			t.Errorf("%s: %s: %v", name, c.good, err)
		}
		if err := target.ValidateURL(c.bad); err == nil {
			t.Errorf("%s: %s is accepted", name, c.bad)
		}
	}
}

// A name that leads to an internal address is accepted as a URL, and refused for good when it is dialled.
func TestDeliverRefusesInternalAddresses(t *testing.T) {
	t.Parallel()
	target := httptarget.NewTarget(httptarget.Config{Settings: httptarget.Settings{AllowHTTP: true},
		Resolver: outboundtest.NewResolver("10.0.0.1")})
	a := answer("http://callback.example.com/s3cret")
	if err := target.ValidateURL(a.Token.Reveal()); err != nil {
		t.Fatal(err)
	}
	err := target.Deliver(t.Context(), a)
	checkText(t, err)
	if !approval.IsPermanent(err) || !errors.Is(err, outbound.ErrForbiddenAddress) ||
		strings.Contains(err.Error(), "10.0.0.1") {
		t.Errorf("%v", err)
	}
}

// The allowed prefixes and ports reach the guard of the client.
func TestDeliverCallsAllowedPrefixes(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	c := httptarget.Config{
		Settings: httptarget.Settings{
			AllowHTTP: true,
			Reach:     outbound.Reach{Prefixes: []string{"127.0.0.1"}, Ports: []int{int(port)}},
		},
		Resolver: outboundtest.NewResolver("127.0.0.1"),
	}
	a := answer(fmt.Sprintf("http://callback.example.com:%d/s3cret", port))
	if err := httptarget.NewTarget(c).Deliver(t.Context(), a); err != nil {
		t.Errorf("allowed: %v", err)
	}
	c.Prefixes = nil
	if err := httptarget.NewTarget(c).Deliver(t.Context(), a); !approval.IsPermanent(err) {
		t.Errorf("not allowed: %v", err)
	}
}

func FuzzValidateURL(f *testing.F) {
	target := httptarget.NewTarget(httptarget.Config{})
	f.Add("https://example.com/cb")
	f.Add("https://[::ffff:127.0.0.1]:443/")
	f.Add("https://0x7f.1/")
	f.Fuzz(func(t *testing.T, raw string) {
		err := target.ValidateURL(raw)
		if err != nil {
			if !approval.IsPermanent(err) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		// net/http can call every accepted URL, and it is not an internal address.
		r, err := http.NewRequest(http.MethodPost, raw, nil)
		if err != nil || r.URL.Scheme != "https" || r.URL.User != nil {
			t.Fatalf("%q is accepted: %v", raw, err)
		}
		if addr, err := netip.ParseAddr(r.URL.Hostname()); err == nil &&
			(!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6()) {
			t.Errorf("%q is accepted", raw)
		}
	})
}
