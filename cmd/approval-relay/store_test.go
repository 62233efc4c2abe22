package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/upkeep"
)

// TestMoveAStore asks on one store, moves it, and decides on the other: the workflow is answered.
func TestMoveAStore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	config := p.file(t, true, "")
	old := filepath.Join(p.dir, "relay.db")
	r := p.start(t, config)
	r.ask(t, "o-1", "")
	status, _, errs := command(t, "store", "check", config)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "is in use by another process")
	require.NoError(t, r.stop())

	status, out, errs := command(t, "store", "check", config)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, old+" is sound\n")
	keyFile := filepath.Join(p.dir, "keys")
	status, out, errs = command(t, "store", "stats", old, "--keys", keyFile, "-o", "json")
	require.Equal(t, 0, status, errs)
	var stats upkeep.Stats
	require.NoError(t, json.Unmarshal([]byte(out), &stats))
	require.Equal(t, 1, stats.Orders)
	require.Equal(t, 1, stats.Approvals["orders"]["pending"])
	require.Len(t, stats.KeyIDs, 1)

	status, _, errs = command(t, "store", "migrate", "--from", old, "--to", config)
	require.Equal(t, 1, status, "onto itself")
	require.Contains(t, errs, "is in use by another process")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	moved := filepath.Join(p.dir, "moved.yaml")
	require.NoError(t, os.WriteFile(moved, []byte(strings.Replace(string(text), "relay.db", "moved.db", 1)), 0o600))
	status, out, errs = command(t, "store", "migrate", "--from", config, "--to", moved)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, "1 order, digest ")
	require.Contains(t, errs, "no worker starts on "+old+" again")
	status, _, errs = command(t, "store", "migrate", "--from", old, "--to", moved)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "a migration fills an empty store only")
	status, _, errs = command(t, "run", "--config.file", config)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "the store was moved to another one")
	status, _, errs = command(t, "store", "stats", old, "--keys", keyFile)
	require.Equal(t, 0, status, errs)

	r = p.start(t, moved)
	require.Len(t, r.order(t, "o-1").Approvals, 1)
	r.ops(t, 0, "decide", "approve", "o-1", "--reason", "moved")
	require.NoError(t, r.stop())
	status, _, errs = command(t, "store", "stats", filepath.Join(p.dir, "none.db"))
	require.Equal(t, 1, status)
	require.Contains(t, errs, "none.db")
}

// A table that is moved onto itself would be marked as moved for ever.
func TestTableIsNotMovedOntoItself(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	text, err := os.ReadFile(p.file(t, true, ""))
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "store:") {
			lines[i] = "store: {dynamodb: {table: approvals, region: eu-west-1, endpoint: 'http://127.0.0.1:1'}}"
		}
	}
	config := filepath.Join(p.dir, "table.yaml")
	require.NoError(t, os.WriteFile(config, []byte(strings.Join(lines, "\n")), 0o600))
	status, _, errs := command(t, "store", "migrate", "--live", "--from", config, "--to", config)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "--to: is table approvals, the store to move")
}
