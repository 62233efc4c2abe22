package approval

import "time"

// RetrySchedule is a schedule of attempts: exponential back-off with full jitter.
//
// With a Base of 1 s and a Cap of 5 m, the wait after attempt n is drawn from [0, w) for w = 1 s, 2 s, 4 s, 8 s, 16 s,
// 32 s, 64 s, 128 s, 256 s, 300 s, 300 s and so on.
type RetrySchedule struct {
	Base   time.Duration `json:"base"`    // the first window
	Cap    time.Duration `json:"cap"`     // the widest window
	MaxAge time.Duration `json:"max_age"` // from the moment the action became due to the last attempt
}

// NextAttempt returns when to retry after a failed attempt. The first attempt has number 1.
func (r RetrySchedule) NextAttempt(attempt int, now time.Time, jitter float64) time.Time {
	window := r.Base
	for i := 1; i < attempt && 0 < window && window < r.Cap; i++ {
		if window > r.Cap/2 { // doubling it could overflow
			window = r.Cap
			break
		}
		window *= 2
	}
	window = max(0, min(window, r.Cap))
	return now.Add(time.Duration(jitter * float64(window)))
}
