package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cacheFolder is the folder in which scripts/need-tools keeps tools.
func cacheFolder(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(cache, "approval-relay")
}

// run runs a command and returns its output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

// copyClient copies a client's folder, in which its code is generated.
func copyClient(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))
	return dir
}

// nodeModules returns the npm packages of the TypeScript client, or skips the test.
func nodeModules(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: scripts/need-tools")
	}
	lock, err := os.ReadFile("testdata/typescript/package-lock.json")
	require.NoError(t, err)
	sum := sha256.Sum256(lock)
	modules := filepath.Join(cacheFolder(t), "typescript-client-"+hex.EncodeToString(sum[:])[:12], "node_modules")
	if _, err := os.Stat(modules); err != nil {
		t.Skip("the tools of the TypeScript client are not installed: scripts/need-tools")
	}
	return modules
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	require.NoError(t, err)
	return abs
}

// The description passes redocly's recommended rules without a warning: the strict rules make errors of warnings.
func TestLint(t *testing.T) {
	t.Parallel()
	redocly := filepath.Join(nodeModules(t), ".bin", "redocly")
	run(t, t.TempDir(), redocly, "lint", "--extends=recommended-strict", absolute(t, descriptionFile))
}

func TestTypeScriptClient(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	dir := copyClient(t, "typescript")
	require.NoError(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	run(t, dir, filepath.Join(modules, ".bin", "openapi-typescript"), absolute(t, descriptionFile), "-o", "api.d.ts")
	run(t, dir, filepath.Join(modules, ".bin", "tsc"), "-p", ".")

	w := newWorld(t)
	run(t, dir, "node", "drive.js", w.url, programToken, operatorToken, "TS-1", w.callbackURL+"/TS-1")
	w.requireDriven(t, "TS-1")
}

// oapiCodegen returns the generator of the Go client at the version that scripts/tool pins, or skips the test.
func oapiCodegen(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("../../scripts/tool")
	require.NoError(t, err)
	pinned := regexp.MustCompile(`oapi-codegen\) package=\S+ version=(\S+)`).FindSubmatch(script)
	require.NotNil(t, pinned)
	tool := filepath.Join(cacheFolder(t), "bin", "oapi-codegen-"+string(pinned[1])+"-"+runtime.Version())
	if _, err := os.Stat(tool); err != nil {
		t.Skip("oapi-codegen is not installed: scripts/need-tools")
	}
	return tool
}

func TestGoClient(t *testing.T) {
	t.Parallel()
	generate := oapiCodegen(t)
	dir := copyClient(t, "go")
	download := exec.CommandContext(t.Context(), "go", "mod", "download")
	download.Dir, download.Env = dir, append(os.Environ(), "GOPROXY=off")
	if out, err := download.CombinedOutput(); err != nil {
		t.Skipf("the modules of the Go client are not downloaded: scripts/need-tools\n%s", out)
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "client"), 0o700))
	run(t, dir, generate, "-config", "oapi-codegen.yaml", absolute(t, descriptionFile))
	run(t, dir, "go", "vet", "./...")
	run(t, dir, "go", "build", "-o", "drive", ".")

	w := newWorld(t)
	run(t, dir, "./drive", w.url, programToken, operatorToken, "GO-1", w.callbackURL+"/GO-1")
	w.requireDriven(t, "GO-1")
}
