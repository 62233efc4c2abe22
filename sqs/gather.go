package sqs

import "time"

// gatherer takes values from a channel in batches. One batch is gathered at a
// time, so that several takers do not each get a part of one.
type gatherer[T any] struct {
	from   <-chan T
	turn   chan struct{} // holds one token
	most   int
	linger time.Duration
}

func newGatherer[T any](from <-chan T, most int, linger time.Duration) *gatherer[T] {
	g := &gatherer[T]{
		from:   from,
		turn:   make(chan struct{}, 1),
		most:   most,
		linger: linger,
	}
	g.turn <- struct{}{}
	return g
}

// next waits for one value and then at most the linger for more. It returns
// nothing once the channel is closed and empty, or stop is closed; what it had
// gathered by then is still returned.
func (g *gatherer[T]) next(stop <-chan struct{}) []T {
	select {
	case <-stop:
		return nil
	case <-g.turn:
	}
	defer func() { g.turn <- struct{}{} }()

	var batch []T
	select {
	case <-stop:
		return nil
	case v, ok := <-g.from:
		if !ok {
			return nil
		}
		batch = append(batch, v)
	}
	timer := time.NewTimer(g.linger)
	defer timer.Stop()
	for len(batch) < g.most {
		select {
		case <-stop:
			return batch
		case <-timer.C:
			return batch
		case v, ok := <-g.from:
			if !ok {
				return batch
			}
			batch = append(batch, v)
		}
	}
	return batch
}
