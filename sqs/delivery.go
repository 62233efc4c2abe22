package sqs

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/approval-relay/approval-relay/metadata"
)

const (
	// maxHold is the time after its receive for which a message can be kept invisible: the 12 h of SQS, less a margin
	// for clocks and networks.
	maxHold = maxVisibility - time.Minute
	// visibilityAttempts bounds the attempts to nack or return a message. If all fail, the message is delivered again
	// when its visibility timeout ends.
	visibilityAttempts = 3
)

// delivery is a message in flight, or acked and not deleted yet.
type delivery struct {
	id    string
	count int // the receive count, 1 if it is unknown

	mu       sync.Mutex
	handle   string    // the handle of the last receive: only this handle can delete the message
	received time.Time // the time of the last receive
	acked    bool
}

// acceptMessage starts the delivery of a received message, and reports whether the message uses a slot.
func (s *subscription) acceptMessage(m *types.Message) bool {
	d := &delivery{
		id: aws.ToString(m.MessageId), handle: aws.ToString(m.ReceiptHandle),
		count: max(1, receiveCountOf(m)), received: time.Now(),
	}
	if known := s.registry.admitDelivery(d); known != nil {
		s.log.Debug("message was delivered again and is already known", "message_id", d.id)
		if known.replaceHandle(d) {
			s.deletes <- deletion{known, d.handle}
		}
		return false
	}
	if at, ok := sentTime(m); ok {
		s.observer.MessageReceived(time.Since(at))
	}
	s.observer.InFlightChanged(1)
	msg := s.decoder.decodeMessage(m)
	if msg.Metadata.Get(metadata.Fault) != "" {
		s.observer.MessageUndecodable()
	}
	s.couriers.Go(func() {
		s.deliverMessage(d, msg)
		s.observer.InFlightChanged(-1)
		s.releaseSlots(1)
	})
	return true
}

// replaceHandle takes the receipt handle of a later receive of the same message, and reports whether the message was
// already acked.
func (d *delivery) replaceHandle(later *delivery) (acked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.handle, d.received = later.handle, later.received
	return d.acked
}

// markAcked records that the message was acked, and returns its deletion.
func (d *delivery) markAcked() deletion {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acked = true
	return deletion{d, d.handle}
}

// deliverMessage delivers a message to the receiver of the channel and settles it. Meanwhile it extends its visibility.
func (s *subscription) deliverMessage(d *delivery, msg *message.Message) {
	ctx, cancel := context.WithCancel(s.callCtx)
	defer cancel()
	msg.SetContext(ctx)
	extend := time.NewTimer(s.extensionDelay())
	defer extend.Stop()

	if s.receiveCtx.Err() != nil {
		s.returnUntaken(d)
		return
	}
	out, stop := s.out, s.receiveCtx.Done()
	var kill <-chan struct{}
	for {
		select {
		case out <- msg:
			out, stop, kill = nil, nil, s.handlersExpired
		case <-stop:
			s.returnUntaken(d)
			return
		case <-extend.C:
			if next := s.extendVisibility(d); next > 0 {
				extend.Reset(next)
			}
		case <-msg.Acked():
			s.deletes <- d.markAcked()
			return
		case <-msg.Nacked():
			s.nackMessage(d)
			return
		case <-kill:
			cancel()
			s.awaitLateAck(d, msg)
			return
		}
	}
}

// awaitLateAck gives a handler a moment to ack after its context was cancelled.
func (s *subscription) awaitLateAck(d *delivery, msg *message.Message) {
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-msg.Acked():
		s.deletes <- d.markAcked()
		return
	case <-msg.Nacked():
	case <-timer.C:
	}
	s.returnMessage(d)
}

// extensionDelay returns the time from a receive or an extension until the next extension.
func (s *subscription) extensionDelay() time.Duration {
	return time.Duration(float64(s.cfg.Visibility) * s.cfg.ExtendFraction)
}

// extendVisibility keeps a message invisible. It returns the time until the next extension, or 0 if SQS would refuse
// it.
func (s *subscription) extendVisibility(d *delivery) time.Duration {
	handle, left := d.holdLimit()
	if left = min(left, s.cfg.Visibility); left < time.Second {
		s.log.Warn("message cannot be kept invisible any longer", "message_id", d.id)
		return 0
	}
	err := s.setVisibility(handle, left)
	if err == nil {
		s.observer.VisibilityExtended()
		return s.extensionDelay()
	}
	s.log.Warn("visibility not extended", "message_id", d.id, "error", err)
	return max((s.cfg.Visibility-s.extensionDelay())/4, 200*time.Millisecond)
}

// nackMessage makes a message invisible for its backoff.
func (s *subscription) nackMessage(d *delivery) {
	defer s.registry.forgetDelivery(d)
	_, left := d.holdLimit()
	delay := max(time.Second, min(ceilSeconds(s.cfg.Backoff(d.count)), left))
	s.changeVisibility(d, delay)
}

// returnUntaken makes a message visible again that was not taken before the shutdown began. It waits for the end of the
// last receive, because it could otherwise receive the message again and be cancelled.
func (s *subscription) returnUntaken(d *delivery) {
	<-s.receiveEnded
	s.returnMessage(d)
}

// returnMessage makes a message visible again.
func (s *subscription) returnMessage(d *delivery) {
	defer s.registry.forgetDelivery(d)
	s.changeVisibility(d, 0)
}

// changeVisibility sets the visibility timeout of a message that is no longer being handled.
func (s *subscription) changeVisibility(d *delivery, v time.Duration) {
	for attempt := 1; ; attempt++ {
		handle, _ := d.holdLimit()
		err := s.setVisibility(handle, v)
		if err == nil {
			s.observer.MessageReturned()
			return
		}
		if attempt == visibilityAttempts || isGone(err) || !pause(s.callCtx, callBackoff(attempt)) {
			s.log.Warn("visibility not changed: the message is delivered again when its timeout ends",
				"message_id", d.id, "error", err)
			return
		}
	}
}

// holdLimit returns the receipt handle, and the time from now for which SQS allows the message to be invisible, in
// whole seconds.
func (d *delivery) holdLimit() (handle string, left time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.handle, (maxHold - time.Since(d.received)).Truncate(time.Second)
}

func (s *subscription) setVisibility(handle string, v time.Duration) error {
	ctx, cancel := context.WithTimeout(s.callCtx, callTimeout)
	defer cancel()
	_, err := s.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl:          aws.String(s.url),
		ReceiptHandle:     aws.String(handle),
		VisibilityTimeout: int32(v / time.Second),
	})
	if err != nil {
		s.observer.VisibilityFailed()
	}
	return err
}

func ceilSeconds(d time.Duration) time.Duration {
	if d > math.MaxInt64-time.Second {
		return maxVisibility
	}
	return (d + time.Second - 1).Truncate(time.Second)
}
