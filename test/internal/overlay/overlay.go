// Package overlay builds the program with changes that are not in its source files: deliberate faults that a test suite
// must find, and points at which the process kills itself. It uses the flag -overlay of the go command.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Edit is a change of a file. Old must occur exactly once, so that an edit that no longer fits the code fails. Without
// Old, the edit adds a new file.
type Edit struct {
	File string // path below the root of the module, or an absolute path, such as of a file of the standard library
	Old  string
	New  string
}

// Build builds the command in a package of the module with the edits applied. It returns the path of the program, which
// is in dir.
func Build(dir, pkg string, edits ...Edit) (string, error) {
	list, root, err := writeOverlay(dir, edits)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-overlay", list, "-o", bin, "./"+pkg) //nolint:gosec // the arguments come from tests
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return bin, nil
}

// Test runs the tests of a package of the module with the edits applied, and reports whether they pass. The error is for
// edits that do not fit or do not build.
func Test(dir, pkg string, edits ...Edit) (bool, error) {
	list, root, err := writeOverlay(dir, edits)
	if err != nil {
		return false, err
	}
	bin := filepath.Join(dir, filepath.Base(pkg)+".test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", bin, "./"+pkg) //nolint:gosec // as above
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return false, fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, out)
	}
	start := func(args ...string) ([]byte, error) {
		cmd := exec.Command(bin, args...) //nolint:gosec // as above
		cmd.Dir = filepath.Join(root, pkg)
		return cmd.CombinedOutput()
	}
	flags := []string{"-rapid.nofailfile", "-rapid.shrinktime=1s"}
	if _, err := start(append(flags, "-test.list=.")...); err != nil { // the package has no tests with rapid
		flags = nil
	}
	_, err = start(flags...)
	return err == nil, nil
}

// writeOverlay writes the edited files to dir, and the list of them for the go command. It returns the path of the list,
// and the root of the module.
func writeOverlay(dir string, edits []Edit) (list, root string, err error) {
	if root, err = moduleRoot(); err != nil {
		return "", "", err
	}
	replace := map[string]string{}
	for _, e := range edits {
		if err := applyEdit(dir, root, e, replace); err != nil {
			return "", "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, root, os.WriteFile(list, text, 0o600)
}

// applyEdit writes the edited file to dir and records it in replace. Edits of the same file build on each other.
func applyEdit(dir, root string, e Edit, replace map[string]string) error {
	original := e.File
	if !filepath.IsAbs(original) {
		original = filepath.Join(root, e.File)
	}
	from := original
	if changed, ok := replace[original]; ok {
		from = changed
	}
	to := filepath.Join(dir, strings.ReplaceAll(e.File, "/", "__"))
	if e.Old == "" {
		replace[original] = to
		return os.WriteFile(to, []byte(e.New), 0o600)
	}
	source, err := os.ReadFile(from) //nolint:gosec // the arguments come from tests
	if err != nil {
		return err
	}
	if n := strings.Count(string(source), e.Old); n != 1 {
		return fmt.Errorf("%s has %q %d times, want once: the edit no longer fits", e.File, e.Old, n)
	}
	replace[original] = to
	return os.WriteFile(to, []byte(strings.Replace(string(source), e.Old, e.New, 1)), 0o600)
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
