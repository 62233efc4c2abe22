//go:build !linux

package clock

import "time"

// newElapsed returns the time of the monotonic clock, which cannot be set.
func newElapsed() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}
