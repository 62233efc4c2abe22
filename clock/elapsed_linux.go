package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// newElapsed returns the time since a start, time of suspension included. It cannot be set.
func newElapsed() func() time.Duration {
	began := time.Now()
	read := func() (wall, running time.Duration) {
		now := time.Now()
		return now.Round(0).Sub(began.Round(0)), now.Sub(began)
	}
	return newSuspension(read, sinceBoot).elapsed
}

// sinceBoot returns the time since the machine was started, time of suspension included, or false in a sandbox without
// this clock. It costs a call of the kernel.
func sinceBoot() (time.Duration, bool) {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// leastGain is the change of the difference between the clock of the machine and the monotonic clock after which the time of
// suspension is measured again. It is far less than a jump, and far more than NTP moves the clock between two looks.
const leastGain = 100 * time.Millisecond

// suspension adds the time of suspension to the monotonic clock, which stands still meanwhile. The clock of the machine
// then gains on the monotonic clock, so that the time of suspension is only measured after that.
type suspension struct {
	// read returns the time since the start by the clock of the machine and by the monotonic clock.
	read      func() (wall, running time.Duration)
	sinceBoot func() (time.Duration, bool)

	boot  time.Duration // of the start
	gain  time.Duration // of the clock of the machine, at the latest measurement
	total time.Duration // of suspension, at the latest measurement
}

func newSuspension(
	read func() (wall, running time.Duration), sinceBoot func() (time.Duration, bool),
) *suspension {
	boot, _ := sinceBoot()
	return &suspension{read: read, sinceBoot: sinceBoot, boot: boot}
}

// elapsed returns the time since the start. It must not be called concurrently.
func (s *suspension) elapsed() time.Duration {
	wall, running := s.read()
	if change := wall - running - s.gain; change > leastGain || change < -leastGain {
		s.gain = wall - running
		if boot, ok := s.sinceBoot(); ok {
			s.total = max(boot-s.boot-running, s.total)
		}
	}
	return running + s.total
}
