package sqs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// answerTimeout is the time beyond its WaitTime that a receive may take. It bounds a broken connection that is not
// noticed.
const answerTimeout = 10 * time.Second

var errNoAnswer = errors.New("no answer")

// pollers counts the goroutines that receive, and their failures in a row.
type pollers struct {
	running sync.WaitGroup

	mu       sync.Mutex
	n        int
	failures int
}

// startPoller starts a further poller, unless Config.Pollers are running.
func (s *subscription) startPoller() {
	p := &s.pollers
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n < s.cfg.Pollers {
		p.n++
		p.running.Go(s.pollQueue)
	}
}

// mayEnd reports whether an idle poller may end. The last poller stays.
func (p *pollers) mayEnd() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 1 {
		return false
	}
	p.n--
	return true
}

// pollQueue receives until the shutdown, or until there are more pollers than necessary.
func (s *subscription) pollQueue() {
	empty := 0 // receives in a row that were answered at once without a message
	for {
		if !s.awaitIntake() {
			return
		}
		slots := s.freeSlots.nextBatch(s.receiveCtx.Done())
		if s.receiveCtx.Err() != nil {
			s.releaseSlots(len(slots))
			return
		}
		began := time.Now()
		n, err := s.receiveBatch(len(slots))
		s.releaseSlots(len(slots) - n)
		quick := time.Since(began) < s.cfg.WaitTime/2
		switch {
		case s.receiveCtx.Err() != nil:
			return
		case err == nil && n == min(maxBatch, s.cfg.Concurrency) && len(s.slots) >= n:
			s.startPoller()
		case n*2 < len(slots) && s.pollers.mayEnd():
			return
		}
		if n > 0 || !quick {
			empty = 0
		} else {
			empty++
		}
		wait := time.Duration(0)
		switch {
		case err != nil:
			wait = receiveBackoff(s.pollers.failureCount())
		case empty > 1: // too many messages are in flight, or the server does not support long polls
			wait = receiveBackoff(empty - 1)
		}
		if wait > 0 && !pause(s.receiveCtx, wait) {
			return
		}
	}
}

// intakeInterval is the pause between two looks at whether a queue that is not read is to be read again.
const intakeInterval = time.Second

// awaitIntake waits while the queue is not to be read. It reports false at the shutdown.
func (s *subscription) awaitIntake() bool {
	for s.cfg.Intake().Err() != nil {
		if !pause(s.receiveCtx, intakeInterval) {
			return false
		}
	}
	return s.receiveCtx.Err() == nil
}

// failureCount returns the number of failed receives in a row.
func (p *pollers) failureCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}

// releaseSlots makes slots free again.
func (s *subscription) releaseSlots(n int) {
	for range n {
		s.slots <- struct{}{}
	}
}

// receiveBatch makes a call for up to n messages and hands them to couriers. It returns the number of slots that they
// use.
func (s *subscription) receiveBatch(n int) (taken int, err error) {
	ctx, cancel := context.WithTimeout(s.callCtx, s.cfg.WaitTime+answerTimeout)
	defer cancel()
	began := time.Now()
	intake := s.cfg.Intake()
	for _, end := range []context.Context{s.receiveCtx, intake} {
		defer context.AfterFunc(end, func() {
			pause(ctx, pollGrace-time.Since(began))
			cancel()
		})()
	}
	out, err := s.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:              aws.String(s.url),
		MaxNumberOfMessages:   int32(n),
		WaitTimeSeconds:       int32(s.cfg.WaitTime / time.Second),
		VisibilityTimeout:     int32(s.cfg.Visibility / time.Second),
		MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount,
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameAWSTraceHeader,
		},
	})
	if err == nil && out == nil {
		err = errNoAnswer
	}
	if err != nil && intake.Err() != nil {
		return 0, nil // it was cancelled because the queue is not read for now
	}
	s.recordReceive(err)
	if err != nil {
		return 0, err
	}
	s.observer.ReceiveSucceeded(len(out.Messages))
	for i := range out.Messages {
		if s.acceptMessage(&out.Messages[i]) {
			taken++
		}
	}
	return taken, nil
}

// recordReceive logs that receives begin to fail, or succeed again. It ignores a receive that the shutdown cancelled.
func (s *subscription) recordReceive(err error) {
	p := &s.pollers
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil && p.failures > 0:
		s.log.Info("receiving works again", "failures", p.failures)
		p.failures = 0
	case err != nil && s.receiveCtx.Err() == nil:
		if p.failures++; p.failures == 1 {
			s.log.Warn("receiving fails, trying again", "error", err)
		}
		s.observer.ReceiveFailed()
	}
}
