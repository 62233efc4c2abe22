package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// A loss of power leaves of SQLite's log what was synced. The program under test writes after each sync where the log ends;
// when it is killed, the test cuts the log there.

// syncMarks are the edits that let the program write the mark: the head of SQLite's shared memory, which has the number of
// the last frame and the salts of the log.
func syncMarks() []overlay.Edit {
	return []overlay.Edit{
		{
			File: "store/sqlite/logsync.go",
			Old:  "	case !l.isNormal && l.hasWritten:\n",
			New:  "	case !l.isNormal && l.hasWritten:\n		markSynced(l.logPath)\n",
		},
		{
			File: "store/sqlite/logsync.go",
			Old:  "	if err := errors.Join(f.Sync(), f.Close()); err != nil {\n",
			New:  "	defer markSynced(l.logPath)\n	if err := errors.Join(f.Sync(), f.Close()); err != nil {\n",
		},
		{
			File: "store/sqlite/marksynced.go",
			New: `package sqlite

import (
	"os"
	"strings"
)

func markSynced(logPath string) {
	memory, err := os.ReadFile(strings.TrimSuffix(logPath, "-wal") + "-shm")
	if err != nil || len(memory) < 136 {
		return
	}
	if os.WriteFile(logPath+".next", memory[:136], 0o600) == nil {
		_ = os.Rename(logPath+".next", logPath+".synced")
	}
}
`,
		},
	}
}

// buildWithMarks builds the program with the marks once for all runs.
var buildWithMarks = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ledger-marks")
	if err != nil {
		return "", err
	}
	return overlay.Build(dir, "cmd/approval-relay", syncMarks()...)
})

// syncedLog is the log of SQLite at a moment.
type syncedLog struct {
	end  int64 // of what is synced
	last int64 // the end of the last commit
}

// readSyncedLog reads where the log and its synced part end. Both are 0 if there is no log.
func readSyncedLog(path string) (l syncedLog, err error) {
	defer func() {
		if errors.Is(err, fs.ErrNotExist) { // the program has not begun to write
			l, err = syncedLog{}, nil
		}
	}()
	log, err := os.Open(path + "-wal")
	if err != nil {
		return l, err
	}
	defer func() { _ = log.Close() }()
	head := make([]byte, 32)
	if n, _ := log.ReadAt(head, 0); n < len(head) {
		return l, nil // an empty log
	}
	mark, err := os.ReadFile(path + "-wal.synced")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l, err
	}
	memory, err := os.ReadFile(path + "-shm")
	if err != nil {
		return l, err
	}
	frames := uint32(0)
	if len(mark) >= 136 && bytes.Equal(mark[32:40], head[16:24]) { // otherwise the log began anew after the last sync
		frames = binary.NativeEndian.Uint32(mark[16:])
	}
	if len(memory) >= 136 && bytes.Equal(memory[32:40], head[16:24]) { // a checkpoint syncs what it copies
		frames = max(frames, binary.NativeEndian.Uint32(memory[128:]))
	}
	endOf := func(frames uint32) int64 {
		return int64(len(head)) + int64(frames)*int64(24+binary.BigEndian.Uint32(head[8:]))
	}
	if frames > 0 {
		l.end = endOf(frames)
	}
	if len(memory) >= 136 {
		l.last = endOf(binary.NativeEndian.Uint32(memory[16:]))
	}
	return l, nil
}

// losePower ends the program as a loss of power does, for its store: what was not synced is gone. It waits up to two seconds
// for a moment at which something is not synced.
func (w *world) losePower() error {
	path := w.databasePath()
	for range 2000 {
		l, err := readSyncedLog(path)
		if err != nil || l.last > l.end {
			break
		}
		time.Sleep(time.Millisecond)
	}
	w.killProgram()
	l, err := readSyncedLog(path)
	if err != nil || l.last == 0 {
		return err
	}
	if l.last > l.end {
		w.powerLosses++
	}
	info, err := os.Stat(path + "-wal")
	if err == nil && l.end < info.Size() {
		err = os.Truncate(path+"-wal", l.end)
	}
	return errors.Join(err, os.Remove(path+"-shm"))
}

// TestPowerLost runs many approvals through losses of power: ends of attempts that were not synced are gone, so their
// attempts are made again. Nothing that was acknowledged is lost, and no task gets two answers.
func TestPowerLost(t *testing.T) {
	bin, err := buildWithMarks()
	if err != nil {
		t.Fatal(err)
	}
	reportViolations(t, runPowerLosses(t, bin, chooseSize(6000, 300), chooseSize(25, 6)))
}

func runPowerLosses(t *testing.T, binary string, approvals, losses int) violations {
	t.Helper()
	w := newWorld(t, binary, settings{drainLimit: 60 * time.Second})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(stepFaults)
	all := planScenarios(approvals, w.aws.StepFunctions)
	v := w.runThrough(all, disturbance{kills: losses, endProcess: (*world).losePower})
	t.Logf("%d of %d losses of power have lost commits", w.powerLosses, losses)
	if w.powerLosses == 0 {
		v.addf("no loss of power has lost a commit")
	}
	return v
}

// powerLossMutants lists the faults that only a loss of power shows.
func powerLossMutants() []mutant {
	return []mutant{
		{"a decision is acknowledged before it is synced", append(syncMarks(), overlay.Edit{
			File: "store/sqlite/update.go",
			Old:  "func (u *orderUpdate) needsSync() bool { return !u.unsynced }",
			New:  "func (u *orderUpdate) needsSync() bool { return false }",
		})},
	}
}
