package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
)

// The question before a redrive is about what is redriven. What could not be read is an error, and not the same as nothing.
func TestDescribeFound(t *testing.T) {
	t.Parallel()
	found := []api.RedriveGroup{{ReasonCode: "http_503", Count: 5, Example: "503"}}
	for name, c := range map[string]struct {
		report api.RedriveReport
		all    bool
		want   int
		text   string
		err    string
	}{
		"nothing":        {text: "there is nothing to redrive"},
		"found":          {report: api.RedriveReport{Found: found}, want: 2, text: "5  http_503  503"},
		"all":            {report: api.RedriveReport{Found: found}, all: true, want: 5},
		"guarded":        {report: api.RedriveReport{Found: found, Guarded: 5}, text: "--no-guard redrives them too"},
		"unread":         {report: api.RedriveReport{Errors: []string{"AccessDenied"}}, err: "AccessDenied"},
		"guarded, error": {report: api.RedriveReport{Found: found, Guarded: 5, Errors: []string{"AccessDenied"}}, err: "AccessDenied"},
		"a long queue":   {report: api.RedriveReport{NotLookedAt: 7}, text: "about 7 message(s)"},
	} {
		var out buffer
		n, err := (&redriveCmd{Max: 2, All: c.all, Limit: 3}).describeFound(&out, c.report)
		require.Equal(t, c.want, n, name)
		require.Contains(t, out.String(), c.text, name)
		if c.err != "" {
			require.ErrorContains(t, err, c.err, name)
			require.NotContains(t, out.String(), "nothing", name)
			continue
		}
		require.NoError(t, err, name)
	}
}
