package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// newElapsed returns the time since the machine was started, time of suspension included. It cannot be set.
func newElapsed() func() time.Duration {
	began := time.Now()
	return func() time.Duration {
		var t unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil { // a sandbox without this clock
			return time.Since(began)
		}
		return time.Duration(t.Nano())
	}
}
