package main

import (
	"bytes"
	"context"
	"os"
)

// usage has the resources that a worker has used since its start.
type usage struct {
	cpu      float64 // seconds, of the process and its children, before the other figures were read
	cpuRead  float64 // the same afterwards: the worker takes some milliseconds for a scrape of its metrics
	mallocs  float64
	bytes    float64 // allocated
	written  float64 // bytes to the disk, without the log
	logBytes float64
	logLines float64
	commits  float64 // of the store
}

// readUsage reads the counters of the Go runtime, of the process and of its log.
func (w *worker) readUsage(ctx context.Context) (u usage, err error) {
	cpu, err := treeCPU(w.cmd.Process.Pid)
	if err != nil {
		return u, err
	}
	series, err := w.scrape(ctx)
	if err != nil {
		return u, err
	}
	for name, value := range map[string]*float64{
		"go_memstats_mallocs_total":          &u.mallocs,
		"go_memstats_alloc_bytes_total":      &u.bytes,
		"approval_relay_store_commits_total": &u.commits,
	} {
		if *value, err = series.sum(name); err != nil {
			return u, err
		}
	}
	written, err := writtenBytes(w.cmd.Process.Pid)
	if err != nil {
		return u, err
	}
	logged, err := os.ReadFile(w.log)
	if err != nil {
		return u, err
	}
	u.logBytes = float64(len(logged))
	u.logLines = float64(bytes.Count(logged, []byte("\n")))
	u.written = float64(written) - u.logBytes
	read, err := treeCPU(w.cmd.Process.Pid)
	u.cpu, u.cpuRead = cpu.Seconds(), read.Seconds()
	return u, err
}

// since returns the resources between an earlier reading and this one, for each of n approvals.
func (u usage) since(before usage, n int) usage {
	each := func(now, then float64) float64 { return (now - then) / float64(n) }
	return usage{
		cpu:      each(u.cpu, before.cpuRead),
		mallocs:  each(u.mallocs, before.mallocs),
		bytes:    each(u.bytes, before.bytes),
		written:  each(u.written, before.written),
		logBytes: each(u.logBytes, before.logBytes),
		logLines: each(u.logLines, before.logLines),
		commits:  each(u.commits, before.commits),
	}
}

// medianOf returns the median of a resource over the rounds.
func medianOf(rounds []usage, of func(usage) float64) float64 {
	values := make([]float64, len(rounds))
	for i, u := range rounds {
		values[i] = of(u)
	}
	return median(values)
}
