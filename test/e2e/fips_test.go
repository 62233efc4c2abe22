package e2e

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The program does its main job where only cryptography of FIPS 140 is admitted: it seals, signs links, calls AWS, and
// answers the workflow. A call that is not admitted panics.
func TestMainJobWithFIPS140Only(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	binary := *binaryPath
	if binary == "" {
		binary = buildCommand(t, t.TempDir(), "cmd/approval-relay")
	}
	cmd := exec.CommandContext(ctx, binary, "demo", "--auto", "--log")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "task succeeded")
	require.NotContains(t, string(out), "panic")
}
