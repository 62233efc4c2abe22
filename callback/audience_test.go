package callback_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback"
)

func TestAudience(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://Orders.Example.com/resume/9F2c?token=x": "https://orders.example.com/resume/9F2c",
		"https://orders.example.com":                     "https://orders.example.com/",
		"https://orders.example.com:443/a%2Fb":           "https://orders.example.com/a%2Fb",
		"https://orders.example.com:8443/":               "https://orders.example.com:8443/",
		"http://orders.example.com:80/":                  "http://orders.example.com/",
		"http://orders.example.com:443/":                 "http://orders.example.com:443/",
		"https://[2606:4700::1111]:443/x":                "https://[2606:4700::1111]/x",
		"%":                                              "",
	} {
		require.Equal(t, want, callback.AudienceOf(url), url)
	}
}
