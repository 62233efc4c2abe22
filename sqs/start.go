package sqs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// startBackoff is the wait after a failed attempt to find a queue: up to 1 s, 2 s, 4 s, 8 s, 16 s, 30 s, 30 s and so on.
var startBackoff = ExponentialBackoff(time.Second, 30*time.Second, rand.Float64)

// findQueue finds the queue's URL, with back-off until it succeeds. It reports whether it did; otherwise the subscription
// ends.
func (s *subscription) findQueue(closing <-chan struct{}) bool {
	if s.url != "" {
		return true
	}
	ctx, cancel := context.WithCancel(s.receiveCtx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-closing:
			cancel()
		case <-ended:
		}
	}()
	for attempt := 1; ; attempt++ {
		url, err := s.prepareQueue(ctx)
		if ctx.Err() != nil {
			return false // a shutdown, whatever the error of the call that it ended
		}
		if err == nil {
			s.url = url
			if attempt > 1 {
				s.log.Info("the queue can be used now", "attempts", attempt)
			}
			return true
		}
		s.observer.ReceiveFailed()
		if attempt == 1 {
			s.log.Error("the queue cannot be used; trying again", "error", err, "hint", startHint(err))
		}
		if !pause(ctx, startBackoff(attempt)) {
			return false
		}
	}
}

// prepareQueue makes a single attempt.
func (s *subscription) prepareQueue(ctx context.Context) (url string, err error) {
	if s.cfg.Prepare != nil {
		if err := s.cfg.Prepare(ctx); err != nil {
			return "", fmt.Errorf("prepare the queue: %w", err)
		}
	}
	return lookUpQueueURL(ctx, s.api, s.topic)
}

// startHint returns what an operator can look at.
func startHint(err error) string {
	switch {
	case errors.Is(err, ErrNoQueue):
		return "no queue has this name in the region and account of the credentials"
	case hasCode(err, "AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException",
		"ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "InvalidSignatureException"):
		return "the credentials are not valid, or lack sqs:GetQueueUrl and sqs:ReceiveMessage"
	case errors.Is(err, context.DeadlineExceeded):
		return "SQS did not answer: look at the network, the endpoint, and the proxy"
	}
	return "look at the credentials, the region, and the network"
}
