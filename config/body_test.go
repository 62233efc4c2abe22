package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBodyFormats checks the format of each kind of credential: only one that vouches for the whole request lets the
// header Content-Type choose.
func TestBodyFormats(t *testing.T) {
	t.Parallel()
	const secret = `"0123456789abcdef0123456789abcdef"`
	schemes := map[string]struct{ settings, want string }{
		"hmac":               {"{secrets: [" + secret + "]}", "json"},
		"stripe":             {"{secrets: [" + secret + "]}", "json"},
		"standard":           {"{secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}", "json"},
		"sns":                {`{topics: ["arn:aws:sns:eu-west-1:111122223333:decisions"]}`, "json"},
		"github":             {"{secrets: [" + secret + "]}", "json_or_form"},
		"slack":              {"{secrets: [" + secret + "]}", "json_or_form"},
		"bearer":             {"{tokens: [" + secret + "]}", "auto"},
		"token":              {"{header: X-Token, tokens: [" + secret + "]}", "auto"},
		"basic":              {"{username: u, passwords: [" + secret + "]}", "auto"},
		"client_certificate": {"{header: X-Client, allowed: [abc]}", "auto"},
	}
	parse := func(scheme, settings, body string) (*Config, error) {
		text := "webhooks: {w: {" + scheme + ": " + settings + body + "}}"
		c, _, err := Parse("relay.yaml", []byte(text), func(string) string { return "" })
		return c, err
	}
	for scheme, test := range schemes {
		c, err := parse(scheme, test.settings, "")
		require.NoError(t, err, scheme)
		require.Equal(t, test.want, c.Webhooks["w"].Body, scheme)
		require.Equal(t, test.want, string(c.Compiled.Schemes["w"].Body), scheme)

		c, err = parse(scheme, test.settings, ", body: form")
		require.NoError(t, err, scheme)
		require.Equal(t, "form", string(c.Compiled.Schemes["w"].Body), scheme)

		_, err = parse(scheme, test.settings, ", body: auto")
		if test.want == "auto" {
			require.NoError(t, err, scheme)
			continue
		}
		require.ErrorContains(t, err, "webhooks.w.body: is auto, but the signature does not cover the header Content-Type", scheme)
	}
	_, err := parse("bearer", schemes["bearer"].settings, ", body: xml")
	require.ErrorContains(t, err, `webhooks.w.body: "xml" is not one of auto, json, form, multipart, json_or_form`)
}

// TestPresetsThatSignReadNoHeader checks that no scheme that signs the body leaves its format to a header.
func TestPresetsThatSignReadNoHeader(t *testing.T) {
	t.Parallel()
	for _, kind := range SchemeKinds() {
		scheme, err := kind.New().Scheme()
		if err == nil && !scheme.CoversRequest {
			require.NotEqual(t, "auto", string(scheme.BodyFormat()), kind.Name)
		}
	}
}

// TestFileOfWindows reads a file with a byte order mark and line ends of Windows, and names UTF-16.
func TestFileOfWindows(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll("workflows:\n  orders:\n    deadline: 3h\n", "\n", "\r\n")
	none := func(string) string { return "" }
	c, _, err := Parse("relay.yaml", []byte("\ufeff"+text), none)
	require.NoError(t, err)
	require.Equal(t, 3*time.Hour, c.Workflows["orders"].Deadline)
	_, _, err = Parse("relay.yaml", []byte("\xff\xfew\x00"), none)
	require.ErrorContains(t, err, "is UTF-16; save it as UTF-8")
	_, _, err = Parse("relay.yaml", []byte("\ufeff\ufeffworkflows: {}"), none)
	require.Error(t, err, "one mark only")
}
