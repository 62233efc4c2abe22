package callback

import (
	"net/url"
	"strings"
)

// AudienceOf returns the callback URL without its query: scheme, host in lower case, port unless it is the scheme's own,
// and path. The query is left out because it often holds a secret of the receiver, and receivers pass bodies on.
func AudienceOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + host + path
}
