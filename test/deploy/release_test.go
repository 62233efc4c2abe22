package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReleaseWorkflow checks that a release is made with pinned actions, and with the tools that the project's scripts use.
func TestReleaseWorkflow(t *testing.T) {
	t.Parallel()
	workflow := read(t, root+".github/workflows/release.yaml")
	var decoded any
	decode(t, root+".github/workflows/release.yaml", &decoded)
	actions := regexp.MustCompile(`uses: (\S+)@(\S+) # v[0-9.]+\n`).FindAllStringSubmatch(workflow, -1)
	require.Len(t, actions, strings.Count(workflow, "uses: "))
	for _, a := range actions {
		require.Regexp(t, `^[0-9a-f]{40}$`, a[2], "a tag of %s can be moved", a[1])
	}
	scripts := read(t, root+"scripts/deploy-tools") + read(t, root+"scripts/image")
	for _, tool := range []string{"goreleaser/v2@", "cmd/cyclonedx-gomod@", "cmd/crane@"} {
		version := regexp.MustCompile(regexp.QuoteMeta(tool) + `v[0-9.]+`)
		require.Equal(t, version.FindString(scripts), version.FindString(workflow))
		require.NotEmpty(t, version.FindString(workflow), tool)
	}
	require.Contains(t, workflow, "cosign sign --yes")
	require.Contains(t, read(t, root+".goreleaser.yaml"), `args: [sign-blob, "--bundle=${signature}", "${artifact}", --yes]`)
}

// TestDockerfileBase checks that the image is built with the version of Go in go.mod, at a patch that is named.
func TestDockerfileBase(t *testing.T) {
	t.Parallel()
	base := find(t, root+"deploy/Dockerfile", `(?m)^ARG GO_IMAGE=golang:([0-9]+\.[0-9]+)\.[0-9]+-[a-z]+$`)
	require.Equal(t, base, find(t, root+"go.mod", `(?m)^go ([0-9]+\.[0-9]+)`))
	for _, file := range []string{"deploy/Dockerfile", "scripts/image"} {
		require.Contains(t, read(t, root+file), "TMPDIR=/data", "the image has no /tmp")
	}
	require.Equal(t, []string{"FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build", "FROM scratch"},
		regexp.MustCompile(`(?m)^FROM .*$`).FindAllString(read(t, root+"deploy/Dockerfile"), -1))
}

// TestRelease prepares a release in a copy of the files that it changes.
func TestRelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, file := range []string{
		"VERSION", "CHANGELOG.md", "scripts/release", "deploy/helm/approval-relay/Chart.yaml", "deploy/compose/compose.yaml",
		"deploy/ecs/task-definition.json", "deploy/ecs/fargate/task-definition.json",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(read(t, root+file)), 0o700))
	}
	changes := "# Changelog\n\n## Unreleased\n\n- A new thing.\n\n## 0.0.9 – 2026-01-01\n\n- An old thing.\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), []byte(changes), 0o600))
	release := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "bash", append([]string{filepath.Join(dir, "scripts/release")}, args...)...).CombinedOutput()
		return string(out), err
	}
	_, err := release("check", "99.0.0-rc.1")
	require.Error(t, err)
	_, err = release("prepare", "99")
	require.Error(t, err)
	out, err := release("prepare", "99.0.0-rc.1", "2026-11-27")
	require.NoError(t, err, out)
	out, err = release("check", "99.0.0-rc.1")
	require.NoError(t, err, out)
	out, err = release("notes", "99.0.0-rc.1")
	require.NoError(t, err, out)
	require.Equal(t, "- A new thing.", strings.TrimSpace(out))
	_, err = release("prepare", "99.0.0")
	require.Error(t, err, "nothing is unreleased")
	require.Contains(t, read(t, filepath.Join(dir, "CHANGELOG.md")), "## Unreleased\n\n## 99.0.0-rc.1 – 2026-11-27\n\n- A new thing.")
	require.Contains(t, read(t, filepath.Join(dir, "deploy/helm/approval-relay/Chart.yaml")), "version: 99.0.0-rc.1\nappVersion: \"99.0.0-rc.1\"\n")
	require.Contains(t, read(t, filepath.Join(dir, "deploy/compose/compose.yaml")), "approval-relay:99.0.0-rc.1\n")
}

// TestScriptsWaitForTheirParts checks that no script reads what a process substitution writes: bash does not wait for it,
// and on a busy machine the reader was always too early.
func TestScriptsWaitForTheirParts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(root + "scripts/*")
	require.NoError(t, err)
	seen := 0
	for _, script := range append(scripts, root+".ci/run") {
		if info, err := os.Stat(script); err == nil && !info.IsDir() {
			require.NotRegexp(t, `> ?>\(`, read(t, script), script)
			seen++
		}
	}
	require.Greater(t, seen, 8)
}
