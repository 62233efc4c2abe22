package callback_test

import (
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback"
)

// A token that was changed on its way is refused with the change as the reason, and the reason has no part of it.
func TestCheckToken(t *testing.T) {
	t.Parallel()
	const token = "AQCEAAAAKgAAAAMAAAAAAAAAAXk+q/Zs8=7a-b_c"
	for _, good := range []string{token, "0b1a4c1e-8a3f-4a55-9d2e-7f1d1e5b7c11", "a.b:c~d@e", "AAAA=="} {
		require.NoError(t, callback.CheckToken(good))
	}
	for text, reason := range map[string]string{
		strings.ReplaceAll(token, "+", " "):                  "space where a + was",
		strings.ReplaceAll(token, "+", " ") + " ":            "space where a + was",
		url.QueryEscape(token):                               "percent-escapes",
		strings.ToLower(url.QueryEscape(token)):              "percent-escapes",
		url.QueryEscape(url.QueryEscape(token)):              "percent-escapes",
		strings.ReplaceAll(url.QueryEscape(token), "=", " "): "percent-escapes",
		strings.ReplaceAll(token, "+", "&#43;"):              "escapes of HTML",
		strings.ReplaceAll(token, "+", "&#x2B;"):             "escapes of HTML",
		html.EscapeString(token + `"`):                       "escapes of HTML",
		strings.ReplaceAll(token, "+", `\u002b`):             "no token has",
		`"` + token + `"`:                                    "no token has",
		"AQC%":                                               "no token has",
		"AQC\u00a0":                                          "white space",
		"AQC\u200b":                                          "no token has",
		"AQC\x00":                                            "no token has",
		"{{AQC}}":                                            "no token has",
		token + "\n":                                         "line break",
		token[:20] + "\r\n" + token[20:]:                     "line break",
		"null":                                               "programs write for a missing value",
		"undefined":                                          "programs write for a missing value",
		"https://example.com/hook?key=AQC":                   "belongs into callbackUrl",
		"arn:aws:states:eu-west-1:111122223333:execution:orders:AQC":       "is an ARN",
		"arn:aws-us-gov:states:us-gov-west-1:111122223333:execution:o:AQC": "is an ARN",
		"$$.Task.Token":                    "name of the field must end in .$",
		"{% $states.context.Task.Token %}": "name of the field must end in .$",
	} {
		err := callback.CheckToken(text)
		require.ErrorContains(t, err, reason, "%q", text)
		require.NotContains(t, err.Error(), "AQC")
	}
}
