package details

import (
	"net"
	"net/url"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/untrusted"
)

// Link is an address that is safe to be opened by a person.
type Link struct {
	URL  string
	Host string // as the browser will show it
}

// maxURL bounds an address, in bytes. Browsers and chats cut longer ones.
const maxURL = 2000

// FindLink returns the link of a value that is a single https address. An address that could deceive the reader about its
// host gets no link and stays text: an address with a user or a password, with characters that are not ASCII, with a label
// of another script, or with the IP address of a machine instead of a name.
func FindLink(value string) (Link, bool) {
	if len(value) > maxURL || !strings.HasPrefix(value, "https://") || !isPlainAddress(value) {
		return Link{}, false
	}
	u, err := url.Parse(value)
	if err != nil || u.User != nil || u.Opaque != "" || !isPlainHost(u.Hostname()) || strings.HasSuffix(u.Host, ":") {
		return Link{}, false
	}
	return Link{URL: value, Host: strings.ToLower(u.Host)}, true
}

// isPlainAddress reports whether a text has printable ASCII only, and no mark that ends an address in HTML, Markdown or
// in the markup of a chat.
func isPlainAddress(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > unicode.MaxASCII-1 || strings.ContainsRune("\"'<>\\^`{|}", r)
	}) && untrusted.SingleLine(s) == s
}

// isPlainHost reports whether a host is a name of ASCII labels with a dot, without a label that encodes another script.
func isPlainHost(host string) bool {
	if !strings.Contains(host, ".") || len(host) > 253 || net.ParseIP(host) != nil {
		return false
	}
	labels := strings.Split(strings.ToLower(host), ".")
	for _, label := range labels {
		if label == "" || strings.HasPrefix(label, "xn--") || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x") // other forms of IP addresses
}
