package emulator

import "time"

// taskClock is the clock of the time limits of tasks. The mutex of StepFunctions guards it.
type taskClock struct {
	behind  time.Duration // the sum of the times for which it was stopped
	stopped time.Time     // since when it is stopped; zero while it goes
}

func (c *taskClock) now() time.Time {
	if !c.stopped.IsZero() {
		return c.stopped.Add(-c.behind)
	}
	return time.Now().Add(-c.behind)
}

// taskTime returns the time by the clock of the tasks.
func (s *StepFunctions) taskTime() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.now()
}

// StopClock stops the clock of the time limits of all tasks, and returns the function that lets it go on. A test stops the
// clock while it has stopped the database, because no program could record anything then: the time that the machine needs
// to start the database must not end tasks.
func (s *StepFunctions) StopClock() (goOn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := time.Now()
	s.clock.stopped = began
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.clock.behind += time.Since(began)
		s.clock.stopped = time.Time{}
	}
}
