package main

import (
	"io/fs"
	"log/slog"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// The settings of the garbage collector, where the environment does not have them. A collection marks all that is
// alive, so fewer collections cost less CPU, and more memory. Within a limit that costs nothing: near the limit Go
// collects more often.
const (
	gcPercentLimited = 400 // where the memory of the worker is limited
	gcPercent        = 200 // where it is not: Go's own is 100
	// limitedPart is the part of the memory limit that Go may use. The rest is for SQLite's pages and for the kernel.
	limitedPart = 0.8
)

// memorySettings are how the worker uses memory.
type memorySettings struct {
	percent int   // as GOGC; 0 leaves that of the environment
	limit   int64 // as GOMEMLIMIT, in bytes; 0 leaves the environment's
}

// chooseMemorySettings returns the settings for a worker with a memory limit; 0 means unlimited. GOGC and GOMEMLIMIT of
// the environment come first.
func chooseMemorySettings(getenv func(string) string, limit int64) memorySettings {
	var s memorySettings
	if getenv("GOMEMLIMIT") == "" && limit > 0 {
		s.limit = int64(float64(limit) * limitedPart)
	}
	switch {
	case getenv("GOGC") != "":
	case s.limit > 0, getenv("GOMEMLIMIT") != "" && getenv("GOMEMLIMIT") != "off":
		s.percent = gcPercentLimited
	default:
		s.percent = gcPercent
	}
	return s
}

// apply sets the garbage collector.
func (s memorySettings) apply(log *slog.Logger) {
	if s.percent > 0 {
		debug.SetGCPercent(s.percent)
	}
	if s.limit > 0 {
		debug.SetMemoryLimit(s.limit)
	}
	log.Debug("memory", "gogc", s.percent, "gomemlimit", s.limit)
}

// memoryLimit returns the memory limit of the control groups that this process is in, in bytes, or 0 if they are
// unlimited. Containers and systemd (MemoryMax) set it. The file system is that of the machine, from its root on.
func memoryLimit(machine fs.FS) int64 {
	groups, err := fs.ReadFile(machine, "proc/self/cgroup")
	if err != nil { // not Linux
		return 0
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[0] == "0" && fields[1] == "": // version 2
			limit = min(limit, smallestLimit(machine, "sys/fs/cgroup", fields[2], "memory.max"))
		case fields[1] == "memory": // version 1
			limit = min(limit, smallestLimit(machine, "sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes"))
		}
	}
	if limit > 1<<60 { // version 1 has such a number for unlimited memory
		return 0
	}
	return limit
}

// smallestLimit returns the smallest limit of a group and of its parents. In a container the group that the
// process is in may have the path of the host, which is invisible in the container: then its root has the limit.
func smallestLimit(machine fs.FS, root, group, file string) int64 {
	limit := int64(math.MaxInt64)
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		text, err := fs.ReadFile(machine, path.Join(root, group, file))
		if err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 { // or "max"
				limit = min(limit, n)
			}
		}
		if group == "/" {
			return limit
		}
	}
}
