package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat.
const tick = 10 * time.Millisecond

// processTimes has the CPU times of a process of /proc.
type processTimes struct {
	parent int
	own    time.Duration // user and system time
	ended  time.Duration // the same of its children that have ended
}

// readTimes reads the times of a process; see proc(5).
func readTimes(pid string) (t processTimes, err error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return t, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return t, fmt.Errorf("process %s: /proc/PID/stat is %q", pid, text)
	}
	var numbers [15]int
	for _, i := range []int{1, 11, 12, 13, 14} {
		if numbers[i], err = strconv.Atoi(fields[i]); err != nil {
			return t, fmt.Errorf("process %s: %w", pid, err)
		}
	}
	return processTimes{
		parent: numbers[1],
		own:    time.Duration(numbers[11]+numbers[12]) * tick,
		ended:  time.Duration(numbers[13]+numbers[14]) * tick,
	}, nil
}

// treeCPU returns the CPU time that a process and all its descendants have used. A server such as PostgreSQL has a
// process for each connection.
func treeCPU(root int) (time.Duration, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	all := map[int]processTimes{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if t, err := readTimes(e.Name()); err == nil { // it may have ended meanwhile
			all[pid] = t
		}
	}
	if _, found := all[root]; !found {
		return 0, fmt.Errorf("process %d has ended", root)
	}
	var sum time.Duration
	for pid, t := range all {
		if isBelow(all, pid, root) {
			sum += t.own + t.ended
		}
	}
	return sum, nil
}

// isBelow reports whether a process is root or its descendant.
func isBelow(all map[int]processTimes, pid, root int) bool {
	for range len(all) {
		if pid == root {
			return true
		}
		t, found := all[pid]
		if !found {
			return false
		}
		pid = t.parent
	}
	return false
}

// writtenBytes returns the bytes that a process has caused to be written to the disk, in whole pages of memory. It is 0
// on a file system without a disk.
func writtenBytes(pid int) (int, error) {
	return readProcNumber(pid, "io", "write_bytes:")
}

// residentMemory returns the memory that the worker has in RAM, in bytes.
func (w *worker) residentMemory() (int, error) {
	kib, err := readProcNumber(w.cmd.Process.Pid, "status", "VmRSS:")
	return kib << 10, err
}

// readProcNumber reads the number of a line in a file of /proc.
func readProcNumber(pid int, file, name string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name); found {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
		}
	}
	return 0, fmt.Errorf("process %d has no %s in %s", pid, name, file)
}
