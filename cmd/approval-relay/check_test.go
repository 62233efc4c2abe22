package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/config"

	"github.com/stretchr/testify/require"
)

// command runs the program's command line.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, testenv, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

func TestCheckConfigGood(t *testing.T) {
	t.Parallel()
	file := newPlace(t).file(t, true, "")
	status, stdout, stderr := command(t, "check", "config", file)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, file+" is good: 1 workflow(s), 2 decision topic(s), 5 webhook(s), 1 channel(s), 2 target(s)\n", stdout)

	status, _, stderr = command(t, "check", "config", file+".not")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "no such file")
}

// A secret that begins with what means something in YAML is a fault whose text
// would have the rest of it.
func TestNoFaultQuotesASecret(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"", "*", "|", ">", "&", "!", "%", "@", "`", "'", `"`, "[", "{", "? ", "- ", "#", "<<: ", "!!int ", "*a: "} {
		for _, file := range []string{"channels: {mail: {smtp: {host: h, from: a@b.c, username: u, password: %sn0t-t0-be-sh0wn}}}", "operator:\n  tokens:\n    ops: %sn0t-t0-be-sh0wn\n"} {
			_, _, err := config.Parse("relay.yaml", []byte(strings.Replace(file, "%s", begin, 1)), testenv)
			if err != nil && strings.Contains(err.Error(), "n0t-t0") {
				t.Errorf("%s: %v", begin, err)
			}
		}
	}
}
