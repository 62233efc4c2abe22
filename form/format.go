package form

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// hasFormat reports whether a text has a format of JSON Schema.
func hasFormat(s, format string) bool {
	switch format {
	case "email":
		return isEmail(s)
	case "uri":
		return isURI(s)
	case "date":
		_, err := time.Parse(time.DateOnly, s)
		return err == nil && len(s) == len(time.DateOnly)
	case "date-time":
		return isDateTime(s)
	}
	return false
}

// isEmail reports whether a text is a plain address, such as ann@example.com: without a name, a comment or quotes, and
// with a domain that has a dot.
func isEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || len(s) > 254 {
		return false
	}
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && !strings.Contains(local, `"`) && domainName.MatchString(domain)
}

// domainName is the rule for the domain of an address. Domains in other scripts are allowed.
var domainName = regexp.MustCompile(`^([\pL\pN]([\pL\pM\pN-]*[\pL\pM\pN])?\.)+[\pL\pN]([\pL\pM\pN-]*[\pL\pM\pN])?$`)

// isURI reports whether a text is an absolute URI of RFC 3986. A web address has a host.
func isURI(s string) bool {
	if !uriCharacters.MatchString(s) { // url.Parse is content with more
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return false
	}
	switch u.Scheme {
	case "http", "https", "ftp":
		return u.Hostname() != ""
	}
	return u.Opaque != "" || u.Host != "" || u.Path != ""
}

var uriCharacters = regexp.MustCompile(`^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$`)

// isDateTime reports whether a text is a time of RFC 3339 with its zone.
func isDateTime(s string) bool {
	if !dateTime.MatchString(s) { // time.Parse also accepts a comma before the fraction and an hour of one digit
		return false
	}
	_, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	return err == nil
}

var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)
