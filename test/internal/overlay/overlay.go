// Package overlay builds the program with changes to its source that are in no
// file of it: deliberate breakages that a test suite must notice, and points at
// which a process kills itself. It uses the go command's -overlay.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Edit is one change of a file. Old must be in it exactly once: when the code
// moves on, the edit fails instead of changing nothing. Without Old the file is
// new.
type Edit struct {
	File string // within the module
	Old  string
	New  string
}

// Build builds the command of that package within the module, as it would be
// after the edits, and returns its path, in dir.
func Build(dir, pkg string, edits ...Edit) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, e := range edits {
		if err := apply(dir, root, e, replace); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return "", err
	}
	bin := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", bin, "./"+pkg) //nolint:gosec // a test's own words
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return bin, nil
}

// apply writes the file as it is after the edit, and earlier ones of it.
func apply(dir, root string, e Edit, replace map[string]string) error {
	original := filepath.Join(root, e.File)
	from := original
	if changed, ok := replace[original]; ok {
		from = changed
	}
	to := filepath.Join(dir, strings.ReplaceAll(e.File, "/", "__"))
	if e.Old == "" {
		replace[original] = to
		return os.WriteFile(to, []byte(e.New), 0o600)
	}
	source, err := os.ReadFile(from) //nolint:gosec // a test's own words
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
