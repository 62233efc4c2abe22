package operate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Keys come from an environment variable, and there is no key file. Other keys are refused.
func TestKeysFromTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	makeKeys := func() string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "keys")
		out, err := exec.CommandContext(t.Context(), program(t, "plain"), "keys", "make", file).CombinedOutput()
		require.NoError(t, err, string(out))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	right, wrong := makeKeys(), makeKeys()
	c := w.config(t, "\nkeys: {env: RELAY_KEYS}\n"+oneWorkflow)
	k := w.start(t, c, "RELAY_KEYS="+right)
	token := w.ask(t, k, "orders", "A-1", time.Hour, 0)
	k.kill()

	for value, text := range map[string]string{
		"RELAY_KEYS=" + wrong: "restore the key",
		"OTHER=":              "the environment variable RELAY_KEYS (keys.env) is not set",
	} {
		refused := w.launch(t, program(t, "plain"), c, value)
		require.Error(t, refused.awaitEnd(t))
		require.Contains(t, refused.logs.String(), text)
		require.NotContains(t, refused.logs.String(), strings.TrimSpace(wrong))
	}
	k = w.start(t, c, "RELAY_KEYS="+right)
	k.decide(t, "A-1")
	await(t, "the workflow is answered", func() bool { return w.task(t, token).Effective == 1 })
	require.NoFileExists(t, filepath.Join(w.dir, "keys"))
}
