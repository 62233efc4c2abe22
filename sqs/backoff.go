package sqs

import (
	"math/rand/v2"
	"time"
)

// ExponentialBackoff returns a pure retry function: the wait after the nth failure is uniformly random between 0 and
// min(limit, base·2^(n-1)). This is full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"). The function
// random returns a number in [0, 1). An n below 1 counts as 1.
//
// With a base of 4 s and a limit of 15 min, the default for nacks, the longest waits are 4 s, 8 s, 16 s, 32 s, 64 s,
// 128 s, 256 s, 512 s, 15 min, 15 min, … and the mean waits are half of that.
func ExponentialBackoff(base, limit time.Duration, random func() float64) func(n int) time.Duration {
	return func(n int) time.Duration {
		longest := limit
		if n = max(n, 1); n <= 32 && base < limit>>(n-1) {
			longest = base << (n - 1)
		}
		return time.Duration(random() * float64(longest))
	}
}

var (
	// nackBackoff is the time for which a nacked message is invisible.
	nackBackoff = ExponentialBackoff(4*time.Second, 15*time.Minute, rand.Float64)
	// receiveBackoff is the wait after a failed receive: up to 200 ms, 400 ms, 800 ms, 1.6 s, 3.2 s, 6.4 s, 12.8 s,
	// 20 s, 20 s and so on.
	receiveBackoff = ExponentialBackoff(200*time.Millisecond, 20*time.Second, rand.Float64)
	// callBackoff is the wait before the next attempt of a delete or a change of visibility: up to 200 ms, 400 ms,
	// 800 ms, 1.6 s.
	callBackoff = ExponentialBackoff(200*time.Millisecond, 2*time.Second, rand.Float64)
)
