package clock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestElapsedCountsSuspension holds that the counter goes on over a suspension, that nothing else moves it, and that it
// rarely asks the kernel.
func TestElapsedCountsSuspension(t *testing.T) {
	t.Parallel()
	const start = time.Hour // since the machine was started
	var running, suspended, set time.Duration
	asked := 0
	s := newSuspension(
		func() (wall, monotonic time.Duration) { return running + suspended + set, running },
		func() (time.Duration, bool) {
			asked++
			return start + running + suspended, true
		},
	)
	look := func(wantAsked int) {
		t.Helper()
		require.Equal(t, running+suspended, s.elapsed())
		require.Equal(t, wantAsked, asked)
	}
	look(1)
	running += time.Minute
	look(1)
	suspended += time.Hour
	look(2)
	running += time.Second
	look(2)
	set -= 2 * time.Hour
	look(3)
	suspended += 10 * time.Second
	look(4)
	set += 3 * time.Hour
	suspended += time.Second
	look(5)
	set -= leastGain / 2 // NTP
	look(5)
	for range 10 { // short ones add up
		suspended += leastGain / 10
		require.InDelta(t, running+suspended, s.elapsed(), float64(leastGain+leastGain/2))
	}
	suspended += leastGain
	look(6)
}

// TestElapsedWithoutTheCounter holds that a sandbox without the counter has the monotonic clock.
func TestElapsedWithoutTheCounter(t *testing.T) {
	t.Parallel()
	running, wall := time.Duration(0), time.Duration(0)
	s := newSuspension(
		func() (time.Duration, time.Duration) { return wall, running },
		func() (time.Duration, bool) { return 0, false },
	)
	running, wall = time.Minute, time.Hour
	require.Equal(t, time.Minute, s.elapsed())
}

// TestElapsedOfTheSystem compares the counter of the system with the call of the kernel that it saves.
func TestElapsedOfTheSystem(t *testing.T) {
	t.Parallel()
	elapsed := newElapsed()
	before, ok := sinceBoot()
	require.True(t, ok)
	first := elapsed()
	second := elapsed()
	after, _ := sinceBoot()
	require.GreaterOrEqual(t, second, first)
	require.LessOrEqual(t, second-first, after-before)
}
