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
	// maxHold is how long after its receive a message can be kept invisible: the
	// 12 h of SQS, less what clocks and networks may take.
	maxHold = maxVisibility - time.Minute
	// visibilityAttempts bounds the calls that try to nack or return a message;
	// without them it comes again when its visibility timeout ends.
	visibilityAttempts = 3
)

// delivery is a message in flight, or one that is acked and not yet deleted.
type delivery struct {
	id    string
	count int // how often it was received, 1 if that is not known

	mu       sync.Mutex
	handle   string    // of the last receive: only that one can delete it
	received time.Time // the last receive
	acked    bool
}

// accept takes in a received message, and says whether it takes a slot.
func (s *subscription) accept(m *types.Message) bool {
	d := &delivery{
		id: aws.ToString(m.MessageId), handle: aws.ToString(m.ReceiptHandle),
		count: max(1, receiveCount(m)), received: time.Now(),
	}
	if known := s.known.admit(d); known != nil {
		s.log.Debug("message came again, not handed out again", "message_id", d.id)
		if known.renew(d) {
			s.deletes <- deletion{known, d.handle}
		}
		return false
	}
	if at, ok := sentAt(m); ok {
		s.observer.MessageReceived(time.Since(at))
	}
	s.observer.InFlightChanged(1)
	msg := s.decoder.decode(m)
	if msg.Metadata.Get(metadata.Fault) != "" {
		s.observer.MessageUndecodable()
	}
	s.couriers.Go(func() {
		s.carry(d, msg)
		s.observer.InFlightChanged(-1)
		s.free(1)
	})
	return true
}

// renew takes the receipt handle of a later receive of the same message, and
// says whether it was acked already.
func (d *delivery) renew(later *delivery) (acked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.handle, d.received = later.handle, later.received
	return d.acked
}

// finish notes that the message was acked and returns how to delete it.
func (d *delivery) finish() deletion {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acked = true
	return deletion{d, d.handle}
}

// carry hands a message out and settles it, extending its visibility meanwhile.
func (s *subscription) carry(d *delivery, msg *message.Message) {
	ctx, cancel := context.WithCancel(s.base)
	defer cancel()
	msg.SetContext(ctx)
	extend := time.NewTimer(s.extendAfter())
	defer extend.Stop()

	if s.receiving.Err() != nil {
		s.giveBackUntaken(d)
		return
	}
	out, stop := s.out, s.receiving.Done()
	var kill <-chan struct{}
	for {
		select {
		case out <- msg:
			out, stop, kill = nil, nil, s.kill
		case <-stop:
			s.giveBackUntaken(d)
			return
		case <-extend.C:
			if next := s.extend(d); next > 0 {
				extend.Reset(next)
			}
		case <-msg.Acked():
			s.deletes <- d.finish()
			return
		case <-msg.Nacked():
			s.nack(d)
			return
		case <-kill:
			cancel()
			s.lastCall(d, msg)
			return
		}
	}
}

// lastCall gives a handler whose context was cancelled a moment to ack.
func (s *subscription) lastCall(d *delivery, msg *message.Message) {
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-msg.Acked():
		s.deletes <- d.finish()
		return
	case <-msg.Nacked():
	case <-timer.C:
	}
	s.giveBack(d)
}

// extendAfter is when a message that was just received or extended is extended.
func (s *subscription) extendAfter() time.Duration {
	return time.Duration(float64(s.cfg.Visibility) * s.cfg.ExtendFraction)
}

// extend keeps a message invisible. It returns when to do so again, or 0 if SQS
// would not let it.
func (s *subscription) extend(d *delivery) time.Duration {
	handle, left := d.hold()
	if left = min(left, s.cfg.Visibility); left < time.Second {
		s.log.Warn("message cannot be kept invisible any longer", "message_id", d.id)
		return 0
	}
	err := s.setVisibility(handle, left)
	if err == nil {
		s.observer.VisibilityExtended()
		return s.extendAfter()
	}
	s.log.Warn("visibility not extended", "message_id", d.id, "error", err)
	return max((s.cfg.Visibility-s.extendAfter())/4, 200*time.Millisecond)
}

// nack keeps a message invisible for its backoff.
func (s *subscription) nack(d *delivery) {
	defer s.known.forget(d)
	_, left := d.hold()
	delay := max(time.Second, min(ceilSeconds(s.cfg.Backoff(d.count)), left))
	s.change(d, delay)
}

// giveBackUntaken makes a message visible again that nobody took before the
// shutdown began: not before the last receive has ended, which else would take
// it, and be cancelled with it.
func (s *subscription) giveBackUntaken(d *delivery) {
	<-s.quiet
	s.giveBack(d)
}

// giveBack makes a message visible again.
func (s *subscription) giveBack(d *delivery) {
	defer s.known.forget(d)
	s.change(d, 0)
}

// change sets the visibility of a message that is not worked on any more.
func (s *subscription) change(d *delivery, v time.Duration) {
	for attempt := 1; ; attempt++ {
		handle, _ := d.hold()
		err := s.setVisibility(handle, v)
		if err == nil {
			s.observer.MessageReturned()
			return
		}
		if attempt == visibilityAttempts || isGone(err) || !pause(s.base, callBackoff(attempt)) {
			s.log.Warn("visibility not changed: the message comes again when its timeout ends", "message_id", d.id, "error", err)
			return
		}
	}
}

// hold returns the receipt handle, and for how long from now SQS lets the
// message be invisible, in whole seconds.
func (d *delivery) hold() (handle string, left time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.handle, (maxHold - time.Since(d.received)).Truncate(time.Second)
}

func (s *subscription) setVisibility(handle string, v time.Duration) error {
	ctx, cancel := context.WithTimeout(s.base, callTimeout)
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
