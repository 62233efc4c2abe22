package approval

import "strings"

// isTraceParent says whether a text is a W3C traceparent of version 00, as we write it:
// 00-TRACE-SPAN-FLAGS in lower-case hexadecimal digits, neither ID all zeros.
// https://www.w3.org/TR/trace-context/#traceparent-header
func isTraceParent(s string) bool {
	const form = "00-" + "0123456789abcdef0123456789abcdef" + "-" + "0123456789abcdef" + "-" + "00"
	if len(s) != len(form) || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	trace, span, flags := s[3:35], s[36:52], s[53:]
	const hex = "0123456789abcdef"
	return strings.Trim(trace+span+flags, hex) == "" && strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}
