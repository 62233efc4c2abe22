package ledger

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEditsFit finds edits whose text is no longer in the source. The mutants and crash points run rarely, so without
// this test a renamed function would go unnoticed for a long time.
func TestEditsFit(t *testing.T) {
	t.Parallel()
	all := slices.Concat(mutants(), heartbeatMutants(), postgresMutants(), dynamodbMutants())
	for _, m := range decisionMutants() {
		all = append(all, m.mutant)
	}
	for _, m := range all {
		for _, e := range m.edits {
			requireOnce(t, m.name, e.File, e.Old)
		}
	}
	for _, p := range points() {
		requireOnce(t, p.name, p.file, p.before)
	}
}

func requireOnce(t *testing.T, name, file, text string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Error(err)
		return
	}
	if n := strings.Count(string(source), text); n != 1 {
		t.Errorf("%s: %s has this text %d times, want once:\n%s", name, file, n, text)
	}
}
