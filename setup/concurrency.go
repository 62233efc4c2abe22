package setup

// DefaultConcurrency is the number of calls at once to a channel, target or host of callback URLs, if the configuration
// does not name it. A slot is taken while the beginning of its action is stored, during the call, and until the end is
// stored. So with calls of 100 ms, 256 slots let fewer than 2,000 a second pass under load, and 512 let 3,000 pass. A receiver
// that takes 15 ms for a call, one after the other, still answers all of them within the time of a call.
const DefaultConcurrency = 512

// maxConcurrency keeps the connections of a single channel or target far below the open files of a process.
const maxConcurrency = 4096

// rateWait is a little less than the time that a call waits for its rate limit, half of a call's time.
const rateWait = 4 // seconds

// ConcurrencyAt returns the default of the calls at once with a rate limit, at most the given number. Calls beyond it would
// wait for the rate limit longer than a call may, and be put back: they wait in order for a free slot instead. A rate of 0
// is no limit.
func ConcurrencyAt(perSecond float64, most int) int {
	if !(perSecond > 0) { // NaN is not above 0
		return most
	}
	return int(max(1, min(perSecond*rateWait, float64(most))))
}

// Concurrency bounds the calls of a channel or target that are under way at the same time. Its settings embed it with the
// tag `yaml:",inline"`.
type Concurrency struct {
	Calls int `yaml:"concurrency" doc:"calls at once, at most, by a worker, of each kind of call; the others wait for their turn, first in, first out"`
}

// SetConcurrency implements Concurrent.
func (n *Concurrency) SetConcurrency(calls int) { Default(&n.Calls, calls) }

// CallsAtOnce implements Concurrent.
func (n *Concurrency) CallsAtOnce() int {
	if n.Calls == 0 { // made by code
		return DefaultConcurrency
	}
	return n.Calls
}

// CheckConcurrency implements Concurrent.
func (n *Concurrency) CheckConcurrency(c *Check) {
	c.Within("concurrency", n.CallsAtOnce(), 1, maxConcurrency)
}

// Concurrent is implemented by the settings of a channel or target with a bound for calls at the same time.
type Concurrent interface {
	// CallsAtOnce returns the most calls of each kind that are under way at the same time. A target of callback URLs has as
	// many to each host.
	CallsAtOnce() int
	// SetConcurrency sets a bound that the file left out.
	SetConcurrency(calls int)
	// CheckConcurrency reports a bound that cannot be kept.
	CheckConcurrency(c *Check)
}
