package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// A limit in milliseconds of CPU means the machine of the record. On another machine, or beside other programs, the same
// work takes another time. The yardstick is a fixed piece of work: measured times are divided by how much slower it is
// here than it was recorded.

// workRounds is the number of repetitions in a piece of work. They take about 20 ms.
const workRounds = 400

// doWork does the work of the yardstick: it encodes and decodes, hashes, allocates and calls the kernel, as the program
// does.
func doWork() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	record := map[string]any{"id": "order-1", "token": strings.Repeat("t", 700), "approvers": []string{approver}, "amount": 12.5}
	for i := range workRounds {
		record["number"] = i
		text, err := json.Marshal(record)
		if err != nil {
			return err
		}
		var again map[string]any
		if err := json.Unmarshal(text, &again); err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		for range 4 {
			if _, err := null.Write(sum[:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureWork returns the median CPU time of pieces of work, in nanoseconds.
func measureWork(pieces int) (float64, error) {
	var each []float64
	for range pieces {
		before, err := ownCPU()
		if err != nil {
			return 0, err
		}
		if err := doWork(); err != nil {
			return 0, err
		}
		after, err := ownCPU()
		if err != nil {
			return 0, err
		}
		each = append(each, float64(after-before))
	}
	return median(each), nil
}

// ownCPU returns the CPU time that this process has used.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// measureSlowness measures the yardstick and keeps how much slower this machine is than the machine of the record.
func (b *bench) measureSlowness() error {
	work, err := measureWork(15)
	if err != nil {
		return err
	}
	b.now.Work = work
	b.slowness = 1
	if b.recorded.Work > 0 {
		b.slowness = work / b.recorded.Work
	}
	return nil
}

// addTime adds a row with a CPU time in seconds and its limit on the machine of the record.
func (b *bench) addTime(what string, seconds, limit float64) {
	scaled := seconds / b.slowness
	b.addRow(row{
		what:     what,
		measured: formatSmall(seconds),
		against:  fmt.Sprintf("this machine takes %s× the time of the record", formatNumber(b.slowness)),
		figure:   formatSmall(scaled),
		limit:    "≤ " + formatSmall(limit),
		ok:       scaled <= limit,
	})
}

// formatSmall formats seconds in milliseconds or microseconds.
func formatSmall(seconds float64) string {
	if seconds < 200e-6 {
		return formatNumber(seconds*1e6) + " µs"
	}
	return formatNumber(seconds*1e3) + " ms"
}
