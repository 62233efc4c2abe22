package app

import (
	"crypto/sha256"
	"os"

	"github.com/approval-relay/approval-relay/config"
)

// fileWatch notices that the configuration file, or a file that it names, has another content. It compares contents, not
// times: Kubernetes replaces the link to a whole directory, and an editor may write the same text again.
type fileWatch struct {
	path string
	last [sha256.Size]byte
}

// newFileWatch returns the watch of a file from which a configuration was just read.
func newFileWatch(path string, c *config.Config) *fileWatch {
	w := &fileWatch{path: path}
	w.changed(c)
	return w
}

// changed reports whether the contents differ from those at the last call. The files are the configuration file and those
// that the running configuration names. A file that cannot be read counts as empty: the reload reports it.
func (w *fileWatch) changed(running *config.Config) bool {
	digest := sha256.New()
	for _, path := range append([]string{w.path}, running.Files()...) {
		content, _ := os.ReadFile(path) //nolint:gosec // the operator names the file
		sum := sha256.Sum256(content)
		digest.Write(sum[:])
	}
	var sum [sha256.Size]byte
	digest.Sum(sum[:0])
	differs := sum != w.last
	w.last = sum
	return differs
}
