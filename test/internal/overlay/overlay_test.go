package overlay

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	version := Edit{"cmd/approval-relay/version.go", `var version = "dev"`, `var version = "edited"`}
	bin, err := Build(t.TempDir(), "cmd/approval-relay", version, Edit{"cmd/approval-relay/version.go", `"edited"`, `"edited twice"`})
	require.NoError(t, err)
	_, err = Build(t.TempDir(), "cmd/approval-relay", Edit{"cmd/approval-relay/new.go", "", "package main\n\nvar added = noSuchThing\n"})
	require.ErrorContains(t, err, "undefined: noSuchThing")
	out, err := exec.CommandContext(t.Context(), bin, "version").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "approval-relay edited twice ")

	_, err = Build(t.TempDir(), "cmd/approval-relay", Edit{"cmd/approval-relay/version.go", "no such line", ""})
	require.ErrorContains(t, err, "no longer fits")
	_, err = Build(t.TempDir(), "cmd/approval-relay", Edit{"cmd/approval-relay/version.go", "package main", "package main // {"}, Edit{
		"cmd/approval-relay/version.go", `fmt.Fprintln`, `fmt.Fprintlnnn`,
	})
	require.ErrorContains(t, err, "undefined: fmt.Fprintlnnn")
}
