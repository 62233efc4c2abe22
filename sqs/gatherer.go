package sqs

import "time"

// gatherer takes values from a channel in batches. It gathers a single batch at a time, so that simultaneous takers do
// not share the values of one batch.
type gatherer[T any] struct {
	from      <-chan T
	gathering chan struct{} // holds a token while no batch is gathered
	most      int
	linger    time.Duration
}

func newGatherer[T any](from <-chan T, most int, linger time.Duration) *gatherer[T] {
	g := &gatherer[T]{
		from:      from,
		gathering: make(chan struct{}, 1),
		most:      most,
		linger:    linger,
	}
	g.gathering <- struct{}{}
	return g
}

// nextBatch waits for a value, and then at most for the linger time for more. If the channel is closed, or stop is
// closed, it returns the values that it has, if any.
func (g *gatherer[T]) nextBatch(stop <-chan struct{}) []T {
	select {
	case <-stop:
		return nil
	case <-g.gathering:
	}
	defer func() { g.gathering <- struct{}{} }()

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
