package httptarget

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// ValidateURL says whether a callback URL can be taken, when a request brings
// it: absolute, https (or http where allowed), at most approval.MaxToken bytes,
// an ASCII host that is allowed, no user information, no fragment, and no
// address that the guard refuses. Names are not looked up: what they lead to is
// checked at every call. The error is approval.Invalid for the field
// "callbackUrl" and does not hold the URL.
func (t *Target) ValidateURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return invalid("is missing")
	case len(raw) > approval.MaxToken:
		return invalid("is %d bytes long, the most is %d", len(raw), approval.MaxToken)
	case err != nil || u.Opaque != "" || u.Host == "":
		return invalid("is not an absolute URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !t.config.AllowHTTP):
		return invalid("must be an https URL")
	case u.User != nil:
		return invalid("must not hold a user or password")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return invalid("must not have a fragment")
	}
	return t.validateHost(u)
}

func (t *Target) validateHost(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._:%") != "" {
		return invalid("has a host that is no ASCII name or address")
	}
	if !t.allowsHost(host) {
		return invalid("has a host that is not allowed")
	}
	port, err := portOf(u)
	if err != nil {
		return invalid("has a port that is not a number up to 65535")
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil && endsInNumber(host):
		return invalid("has a host that is neither a name nor an address in its usual form")
	case !t.guard.AllowsPort(port):
		return invalid("has a port that is not allowed")
	case err == nil && !t.guard.AllowsAddress(addr):
		return invalid("has an address that is not allowed")
	}
	return nil
}

func (t *Target) allowsHost(host string) bool {
	for _, allowed := range t.config.AllowedHosts {
		allowed = strings.ToLower(strings.Trim(allowed, "."))
		if allowed != "" && (host == allowed || strings.HasSuffix(host, "."+allowed)) {
			return true
		}
	}
	return len(t.config.AllowedHosts) == 0
}

// Host returns the host and port that an answer goes to: what is slow or down as one.
func (*Target) Host(a approval.Answer) string {
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

// endsInNumber says that a host which is no address may all the same be read as
// one (2130706433, 0x7f.1, 0177.0.0.1, 127.1): the last label is a number, as in
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

func invalid(format string, args ...any) error {
	return approval.InvalidField("callbackUrl", format, args...)
}
