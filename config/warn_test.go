package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// TestWarnsOfReadableFiles checks the files with secrets that every user of the machine can read.
func TestWarnsOfReadableFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("0e4f9b8a7c6d5e3f2a1b0c9d8e7f6a5b\n"), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	public, private := write("public", 0o644), write("private", 0o640)
	text := `keys: {file: "` + public + `"}
operator: {token_file: "` + public + `"}
webhooks:
  one: {bearer: {tokens: [{file: "` + public + `"}, {file: "` + private + `"}]}}
  two: {standard: {secrets: [{file: "` + private + `"}]}}
workflows: {orders: {sources: [one, two]}}
`
	_, warnings, err := config.Parse("relay.yaml", []byte(text), os.Getenv)
	require.NoError(t, err)
	var fields []string
	for _, w := range warnings {
		require.Contains(t, w.Message, public)
		fields = append(fields, w.Field)
	}
	require.Equal(t, []string{"keys.file", "operator.token_file", "webhooks.one.bearer.tokens[0]"}, fields)
}

// TestWarnsOfBareVariable checks a text with $NAME, which only looks like a variable.
func TestWarnsOfBareVariable(t *testing.T) {
	t.Parallel()
	text := []byte("workflows:\n  orders: {approvers: [$BOSS, $OTHER]}\n")
	getenv := func(name string) string { return map[string]string{"BOSS": "ann@example.com"}[name] }
	c, warnings, err := config.Parse("relay.yaml", text, getenv)
	require.NoError(t, err)
	require.Equal(t, []string{"$BOSS", "$OTHER"}, c.Workflows["orders"].Approvers)
	require.Len(t, warnings, 1)
	require.Equal(t, "line 2: workflows.orders.approvers[0]: $BOSS stands for itself; the value of the variable is written ${BOSS}", warnings[0].String())
}

// TestWarnsOfLinksThatNameNobody checks a workflow whose requests name the requester but nobody who decides.
func TestWarnsOfLinksThatNameNobody(t *testing.T) {
	t.Parallel()
	const fields = "    requests: {fields: {requester: body.who}}\n"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"nobody":            {"workflows:\n  orders:\n" + fields, 1},
		"approvers":         {"workflows:\n  orders:\n    approvers: [ann@example.com]\n" + fields, 0},
		"default requester": {"workflows:\n  orders: {}\n", 0},
		"no requester":      {"workflows:\n  orders:\n    requests: {fields: {requester: []}}\n", 0},
		"sign-in": {"public: {url: \"https://relay.example.com\", oidc: {issuer: \"https://id.example.com\", client_id: x, " +
			"client_secret: 0e4f9b8a7c6d5e3f2a1b0c9d8e7f6a5b}}\nworkflows:\n  orders:\n" + fields, 0},
	} {
		_, warnings, err := config.Parse("relay.yaml", []byte(c.text), os.Getenv)
		require.NoError(t, err, name)
		n := 0
		for _, w := range warnings {
			if w.Field == "workflows.orders.approvers" {
				n++
				require.Contains(t, w.Message, "its links do not decide")
			}
		}
		require.Equal(t, c.want, n, name)
	}
}

// TestWarnsOfNothing reads a configuration with every part in use. A warning about it would be a false alarm.
func TestWarnsOfNothing(t *testing.T) {
	t.Parallel()
	_, warnings, err := config.Load("testdata/files/complete.yaml", nil, environment)
	require.NoError(t, err)
	require.Empty(t, warnings)
}
