package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/config"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/signin/signintest"
)

// command runs the program's command line.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return commandWith(t, "", args...)
}

// commandWith runs the program's command line with a standard input.
func commandWith(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, testenv, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func TestCheckConfigGood(t *testing.T) {
	t.Parallel()
	file := newPlace(t).file(t, true, "")
	status, stdout, stderr := command(t, "check", "config", file)
	require.Equal(t, 0, status, stderr)
	require.Contains(t, stdout, file+" is good: 1 workflow, 2 decision topics, 5 webhooks, 1 channel, 2 targets\n")

	status, _, stderr = command(t, "check", "config", file+".not")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "no such file")
}

// A configuration with one warning, and a configuration with one fault and one warning.
const (
	configWithWarning = "workflows:\n  orders:\n    reminders: [25h]\n"
	configWithFault   = "workflows:\n  orders:\n    requests: {sqs: {queue: orders.fifo}}\n    deadlin: 3h\n"
)

func TestCheckConfigWarnings(t *testing.T) {
	t.Parallel()
	const warning = "line 3: workflows.orders.reminders[0]: is never sent, because an approval ends after 24h\n"
	status, stdout, stderr := commandWith(t, configWithWarning, "check", "config", "-")
	require.Equal(t, 0, status)
	require.Equal(t, "(standard input) is good: 1 workflow, 0 decision topics, 0 webhooks, 1 channel, 1 target\n"+
		"  workflow orders: 8400 approvals may have the same deadline: stepfunctions makes 240 calls a second, after 1200 at once, "+
		"within the margin of 30s\n1 warning:\n  "+warning, stdout)
	require.Empty(t, stderr)

	status, stdout, stderr = commandWith(t, configWithWarning, "check", "config", "--strict", "-")
	require.Equal(t, 1, status)
	require.Empty(t, stdout)
	require.Equal(t, "approval-relay: configuration (standard input) has warnings, which --strict counts as faults\n1 warning:\n  "+warning, stderr)

	status, _, stderr = commandWith(t, configWithFault, "check", "config", "-")
	require.Equal(t, 1, status)
	require.Equal(t, `approval-relay: configuration (standard input) has 1 fault:
  line 4: workflows.orders.deadlin: unknown field; did you mean "deadline"?
1 warning:
  line 3: workflows.orders.requests.sqs.queue: is a FIFO queue: its order and its deduplication are not used, and it costs throughput
`, stderr)
}

func TestCheckConfigJSON(t *testing.T) {
	t.Parallel()
	wave := func(workflow string) config.DeadlineWave {
		return config.DeadlineWave{
			Workflow: workflow,
			Target:   "stepfunctions",
			Answers:  8400,
			Rate:     240,
			Burst:    1200,
			Margin:   "30s",
		}
	}
	for text, want := range map[string]checkReport{
		"{}": {
			OK:        true,
			Faults:    []config.Finding{},
			Warnings:  []config.Finding{},
			Deadlines: []config.DeadlineWave{wave("default")},
		},
		configWithFault: {
			Faults:    []config.Finding{{Line: 4, Field: "workflows.orders.deadlin", Message: `unknown field; did you mean "deadline"?`}},
			Warnings:  []config.Finding{{Line: 3, Field: "workflows.orders.requests.sqs.queue", Message: "is a FIFO queue: its order and its deduplication are not used, and it costs throughput"}},
			Deadlines: []config.DeadlineWave{},
		},
		configWithWarning: {
			OK:        true,
			Faults:    []config.Finding{},
			Warnings:  []config.Finding{{Line: 3, Field: "workflows.orders.reminders[0]", Message: "is never sent, because an approval ends after 24h"}},
			Deadlines: []config.DeadlineWave{wave("orders")},
		},
	} {
		want.File = "(standard input)"
		status, stdout, stderr := commandWith(t, text, "check", "config", "--output", "json", "-")
		require.Empty(t, stderr)
		require.Equal(t, want.OK, status == 0)
		var got checkReport
		require.NoError(t, json.Unmarshal([]byte(stdout), &got))
		require.Equal(t, want, got)
	}
}

// TestCheckConfigOnline covers an issuer with and without a slash at its end, and a provider that is down.
func TestCheckConfigOnline(t *testing.T) {
	t.Parallel()
	provider := signintest.Start()
	defer provider.Close()
	file := func(issuer string) string {
		return "public:\n  oidc: {issuer: \"" + issuer + "\", client_id: relay, client_secret: abcdefghijklmnop}\n"
	}
	status, _, stderr := commandWith(t, file(provider.URL), "check", "config", "--online", "--strict", "-")
	require.Equal(t, 0, status, stderr)

	status, _, stderr = commandWith(t, file(provider.URL+"/"), "check", "config", "--online", "-")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "line 2: public.oidc.issuer: ")
	require.Contains(t, stderr, "they differ in the slash at the end")

	status, stdout, _ := commandWith(t, file("http://127.0.0.1:1"), "check", "config", "--online", "-")
	require.Equal(t, 0, status)
	require.Contains(t, stdout, "1 warning:\n  line 2: public.oidc.issuer: could not be checked: the sign-in provider could not be reached")
}

// TestNoFaultQuotesASecret reads secrets that begin with a character that has a meaning in YAML. The rest of the secret
// must not be in a fault.
func TestNoFaultQuotesASecret(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"", "*", "|", ">", "&", "!", "%", "@", "`", "'", `"`, "[", "{", "? ", "- ", "#", "<<: ", "!!int ", "*a: ", "${", "\t", "$N0T"} {
		for _, file := range []string{
			"channels: {mail: {smtp: {host: h, from: a@b.c, username: u, password: %sn0t-t0-be-sh0wn}}}",
			"operator:\n  tokens:\n    ops: %sn0t-t0-be-sh0wn\n",
			"webhooks: {a: {standard: {secrets: [%sn0t-t0-be-sh0wn]}}}",
		} {
			_, warnings, err := config.Parse("relay.yaml", []byte(strings.Replace(file, "%s", begin, 1)), testenv)
			if err != nil && strings.Contains(err.Error(), "n0t-t0") {
				t.Errorf("%s: %v", begin, err)
			}
			for _, warning := range warnings {
				require.NotContains(t, warning.String(), "n0t-t0")
			}
		}
	}
}
