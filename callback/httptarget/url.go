package httptarget

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/approval"
)

// ValidateURL returns the reason why the callback URL of a request is refused, or nil. The URL must be absolute, https (or
// http if allowed), at most approval.MaxToken bytes long, without user information and fragment, and have an allowed ASCII
// host. An address must be allowed by the guard; names are not looked up, because the guard checks their address at every
// call. The error is an approval.FieldError for "callbackUrl" and does not contain the URL.
func (t *Target) ValidateURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return urlFault("is missing")
	case len(raw) > approval.MaxToken:
		return urlFault("is %d bytes long, the most is %d", len(raw), approval.MaxToken)
	case strings.ContainsFunc(raw, unicode.IsSpace): // url.Parse accepts a space in the path and the query
		return urlFault("has a space or a line break: a + or an escape was decoded on its way; encode it (in API Gateway: " +
			"$util.urlEncode)")
	case err != nil || u.Opaque != "" || u.Host == "":
		return urlFault("is not an absolute URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !t.config.AllowHTTP):
		return urlFault("must be an https URL")
	case u.User != nil:
		return urlFault("must not contain a user or password")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return urlFault("must not have a fragment")
	}
	return t.validateHost(u)
}

// validateHost checks the host, its port and, if the host is an address, the address.
func (t *Target) validateHost(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._:%") != "" {
		return urlFault("has a host that is not an ASCII name or address")
	}
	if !t.allowsHost(host) {
		return urlFault("has a host that is not allowed")
	}
	port, err := portOf(u)
	if err != nil {
		return urlFault("has a port that is not a number up to 65535")
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil && endsInNumber(host):
		return urlFault("has a host that is neither a name nor an address in its usual form")
	case !t.guard.AllowsPort(port):
		return urlFault("has a port that is not allowed")
	case err == nil && !t.guard.AllowsAddress(netip.AddrPortFrom(addr, port)):
		return urlFault("has an address that is not allowed")
	}
	return nil
}

// allowsHost reports whether the configuration allows the host. An allowed host includes the names below it.
func (t *Target) allowsHost(host string) bool {
	for _, allowed := range t.config.AllowedHosts {
		allowed = strings.ToLower(strings.Trim(allowed, "."))
		if allowed != "" && (host == allowed || strings.HasSuffix(host, "."+allowed)) {
			return true
		}
	}
	return len(t.config.AllowedHosts) == 0
}

// HostOf returns the host and port of the answer's URL. Slow and failing hosts do not affect each other.
func (*Target) HostOf(a approval.Answer) string {
	u, err := url.Parse(a.Token.Reveal())
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

func portOf(u *url.URL) (uint16, error) {
	switch {
	case u.Port() != "":
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		return uint16(port), err
	case u.Scheme == "http":
		return 80, nil
	}
	return 443, nil
}

// endsInNumber reports whether a host that is not an address may still be read as an address (2130706433, 0x7f.1,
// 0177.0.0.1, 127.1): the last label is a number, as in
// https://url.spec.whatwg.org/#ends-in-a-number-checker.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 10, 64)
	if err == nil || strings.Trim(last, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(last, "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}

func urlFault(format string, args ...any) error {
	return approval.InvalidField("callbackUrl", format, args...)
}
