package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompactAStore compacts the file of a worker that has stopped, by its name and by its configuration. The worker starts
// on it again.
func TestCompactAStore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	config := p.file(t, true, "")
	file := filepath.Join(p.dir, "relay.db")
	r := p.start(t, config)
	r.ask(t, "o-1", "")
	status, _, errs := command(t, "store", "compact", config)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "is in use by another process")
	require.NoError(t, r.stop())

	status, out, errs := command(t, "store", "compact", config)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, file+": ")
	status, out, errs = command(t, "store", "compact", file, "-o", "json")
	require.Equal(t, 0, status, errs)
	var got compacted
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, compacted{file, info.Size(), info.Size()}, got)
	r = p.start(t, config)
	require.NoError(t, r.stop())

	other := filepath.Join(p.dir, "memory.yaml")
	require.NoError(t, os.WriteFile(other, []byte("store: {memory: true}\nworkflows: {w: {}}\n"), 0o600))
	status, _, errs = command(t, "store", "compact", other)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "only a SQLite file can be compacted")
}
