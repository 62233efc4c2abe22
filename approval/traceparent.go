package approval

import "strings"

// isTraceParent reports whether a text is a W3C traceparent of version 00, in the form that we write:
// 00-TRACE-SPAN-FLAGS in lower-case hexadecimal digits, with neither ID all zeros.
// https://www.w3.org/TR/trace-context/#traceparent-header
func isTraceParent(s string) bool {
	const form = "00-" + "0123456789abcdef0123456789abcdef" + "-" + "0123456789abcdef" + "-" + "00"
	if len(s) != len(form) || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	trace := s[3:35]
	span := s[36:52]
	flags := s[53:]
	isHex := strings.Trim(trace+span+flags, "0123456789abcdef") == ""
	return isHex && strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}
