package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBackupUnderLoadAndRestore makes a backup while programs request approvals, and starts a worker on the restored
// store: every order that was acknowledged before the backup began is there, and can be decided and answered.
func TestBackupUnderLoadAndRestore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	require.NotContains(t, do(t, "GET", r.operator+"/readyz", "").text, "restored")
	token := r.ask(t, "first", "")
	var (
		mu           sync.Mutex
		acknowledged = []string{"first"}
		load         sync.WaitGroup
		enough       = make(chan struct{})
		stop         = make(chan struct{})
		once         sync.Once
	)
	for w := range 4 {
		load.Go(func() {
			for i := range 300 {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("o-%d-%d", w, i)
				body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, id, "token-of-"+id)
				if got := r.program(t, "/v1/requests", body); got.status != http.StatusAccepted {
					t.Errorf("%d %s", got.status, got.text)
					continue
				}
				mu.Lock()
				acknowledged = append(acknowledged, id)
				if len(acknowledged) > 100 {
					once.Do(func() { close(enough) })
				}
				mu.Unlock()
			}
		})
	}
	go func() {
		load.Wait()
		once.Do(func() { close(enough) })
	}()
	<-enough
	mu.Lock()
	before := append([]string(nil), acknowledged...)
	mu.Unlock()
	require.Greater(t, len(before), 100)
	file := filepath.Join(p.dir, "copy.db")
	_, errs := r.ops(t, 0, "backup", "--to", file)
	require.Contains(t, errs, "the keys are not in it")
	close(stop)
	load.Wait()
	require.NoError(t, r.stop())

	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	store := filepath.Join(p.dir, "relay.db")
	keyFile := filepath.Join(p.dir, "keys")
	status, _, errs := command(t, "restore", file, "--to", store, "--keys", keyFile)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "relay.db exists: move it away first")
	require.NoError(t, os.Rename(store, store+".lost"))
	status, out, errs := command(t, "restore", file, "--to", store, "--keys", keyFile)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, "restored to "+store)
	require.Contains(t, errs, "pending again")

	r = p.start(t, filepath.Join(p.dir, "relay.yaml"))
	ready := do(t, "GET", r.operator+"/readyz", "")
	require.Equal(t, http.StatusOK, ready.status)
	require.Regexp(t, `restored at 20\S+Z from a copy of the store until 20\S+Z: what happened after the copy is unknown`, ready.text)
	missing := 0
	for _, id := range before {
		if len(r.order(t, id).Approvals) != 1 {
			missing++
		}
	}
	require.Zero(t, missing, "of %d acknowledged orders", len(before))
	r.hub(t, decideBody("d", "first", "approve", ""))
	require.Contains(t, string(r.task(t, token).State), "succeeded")
}

// TestBackupToAllPlaces writes and reads a copy in each way, and refuses what could lose one.
func TestBackupToAllPlaces(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	r.ask(t, "o-1", "")
	content, errs := r.ops(t, 0, "backup", "--to=-")
	require.Contains(t, errs, "1 orders, 1 pending approvals")
	require.True(t, strings.HasPrefix(content, "SQLite format 3"))
	file := filepath.Join(p.dir, "copy.db")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))

	_, errs = r.ops(t, 1, "backup", "--to", file)
	require.Contains(t, errs, "copy.db exists: it is not overwritten")
	_, errs = r.ops(t, 1, "backup", "--to", "https://example.com/x")
	require.Contains(t, errs, "a copy goes to a file, to s3://BUCKET/KEY or to -")
	_, errs = r.ops(t, 1, "backup", "--to", "s3://bucket")
	require.Contains(t, errs, "s3://BUCKET/KEY")
	report, _ := r.ops(t, 0, "backup", "--to", file+".json", "--json")
	require.Contains(t, report, `"pending": 1`)
	require.Contains(t, r.log.String(), `msg="a copy of the store is sent" by=ops`)
	store := filepath.Join(p.dir, "relay.db")
	_, errs = r.ops(t, 1, "backup", "--to", file+"2", "--store", store)
	require.Contains(t, errs, "in use by another process")
	require.NoFileExists(t, file+"2")
	require.NoError(t, r.stop())
	_, errs = r.ops(t, 0, "backup", "--to", file+"2", "--store", store)
	require.Contains(t, errs, "1 orders")

	keyFile := filepath.Join(p.dir, "keys")
	restored := filepath.Join(p.dir, "restored.db")
	status, out, errs := commandWith(t, content, "restore", "-", "--to", restored, "--keys", keyFile)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, "its newest event is of 2")
	status, _, errs = command(t, "restore", file, "--check", "--keys", keyFile)
	require.Equal(t, 0, status, errs)
	status, _, errs = command(t, "restore", file, "--keys", keyFile)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "--to is missing")

	other := filepath.Join(p.dir, "other.keys")
	status, _, errs = command(t, "keys", "make", other)
	require.Equal(t, 0, status, errs)
	status, _, errs = command(t, "restore", file, "--to", restored+"2", "--keys", other)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "the key file lacks the keys")
	require.NoFileExists(t, restored+"2")
	status, _, errs = command(t, "restore", file, "--to", restored+"2", "--keys", file+".not")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "--skip-keys")
	require.NoError(t, os.WriteFile(file, []byte(content[:8192]), 0o600))
	status, _, errs = command(t, "restore", file, "--to", restored+"2", "--keys", keyFile)
	require.Equal(t, 1, status, errs)
	require.NoFileExists(t, restored+"2")
	files, err := filepath.Glob(filepath.Join(p.dir, ".approval-relay-*"))
	require.NoError(t, err)
	require.Empty(t, files)
}
