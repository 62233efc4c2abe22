package sqs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// answerTimeout is how much longer than its WaitTime a receive may take: it
// bounds a connection that has died unnoticed.
const answerTimeout = 10 * time.Second

// pollers counts the goroutines that receive, and how often they failed in a row.
type pollers struct {
	running sync.WaitGroup

	mu       sync.Mutex
	n        int
	failures int
}

// startPoller starts one more poller, unless as many as are allowed run.
func (s *subscription) startPoller() {
	p := &s.pollers
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n < s.cfg.Pollers {
		p.n++
		p.running.Go(s.poll)
	}
}

// mayEnd says whether a poller that was of little use may end: the last one stays.
func (p *pollers) mayEnd() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 1 {
		return false
	}
	p.n--
	return true
}

// poll receives until the shutdown, or until it is one poller too many.
func (s *subscription) poll() {
	empty := 0 // receives in a row that were answered at once with nothing
	for {
		slots := s.freeSlots.next(s.receiving.Done())
		if s.receiving.Err() != nil {
			s.free(len(slots))
			return
		}
		began := time.Now()
		n, err := s.receive(len(slots))
		s.free(len(slots) - n)
		quick := time.Since(began) < s.cfg.WaitTime/2
		switch {
		case s.receiving.Err() != nil:
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
			wait = receiveBackoff(s.pollers.failed())
		case empty > 1: // too many in flight, or a server that knows no long poll
			wait = receiveBackoff(empty - 1)
		}
		if wait > 0 && !pause(s.receiving, wait) {
			return
		}
	}
}

// failed returns how often receives failed in a row.
func (p *pollers) failed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}

// free gives slots back.
func (s *subscription) free(n int) {
	for range n {
		s.slots <- struct{}{}
	}
}

// receive makes one call for up to n messages and hands them to couriers. It
// returns how many slots are taken by them.
func (s *subscription) receive(n int) (taken int, err error) {
	ctx, cancel := context.WithTimeout(s.base, s.cfg.WaitTime+answerTimeout)
	defer cancel()
	began := time.Now()
	defer context.AfterFunc(s.receiving, func() {
		pause(ctx, pollGrace-time.Since(began))
		cancel()
	})()
	out, err := s.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(s.url),
		MaxNumberOfMessages:         int32(n),
		WaitTimeSeconds:             int32(s.cfg.WaitTime / time.Second),
		VisibilityTimeout:           int32(s.cfg.Visibility / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount", "SentTimestamp", "AWSTraceHeader"},
	})
	if err == nil && out == nil {
		err = fmt.Errorf("no answer")
	}
	s.noteReceive(err)
	if err != nil {
		return 0, err
	}
	s.observer.ReceiveSucceeded(len(out.Messages))
	for i := range out.Messages {
		if s.accept(&out.Messages[i]) {
			taken++
		}
	}
	return taken, nil
}

// noteReceive logs when receives begin to fail and when they work again. One
// that the shutdown cancelled is neither.
func (s *subscription) noteReceive(err error) {
	p := &s.pollers
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil && p.failures > 0:
		s.log.Info("receiving works again", "failures", p.failures)
		p.failures = 0
	case err != nil && s.receiving.Err() == nil:
		if p.failures++; p.failures == 1 {
			s.log.Warn("receiving fails, trying again", "error", err)
		}
		s.observer.ReceiveFailed()
	}
}
