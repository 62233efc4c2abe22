package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	cloudApprovals = 4000
	topicARN       = "arn:aws:sns:us-east-1:000000000000:decisions"
)

// measureCalls counts the AWS calls of whole approvals: the real worker takes
// requests from one queue and decisions, in SNS' envelopes, from another, and
// answers Step Functions. All three are the stub. It then stays idle while other
// sections run, and its calls in a minute of that are counted.
func (b *bench) measureCalls(ctx context.Context) error {
	s, err := startStub()
	if err != nil {
		return err
	}
	b.ends = append(b.ends, func() { _ = s.server.Close() })
	e, err := startEndpoint(1)
	if err != nil {
		return err
	}
	b.ends = append(b.ends, e.stop)
	dir := filepath.Join(b.dir, "calls")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	_, err = b.startWorker(ctx, dir, fmt.Sprintf(`aws: {region: us-east-1, endpoint: %q}
workflows: {orders: {requests: {sqs: {queue: requests}}, approvers: [%s], notify: [hook]}}
decisions: {sns: {topic: %q, sqs: {queue: decisions}}}
channels: {hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}}
targets: {stepfunctions: {stepfunctions: {rate: 10000, burst: 10000}}}
`, s.url, approver, topicARN, e.url+"/hook", signingSecret))
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	before := s.counted()
	s.queue("requests").put(bodies(cloudApprovals)...)
	if err := s.queue("requests").emptied(limit); err != nil {
		return err
	}
	s.queue("decisions").put(envelopes(cloudApprovals)...)
	if err := s.queue("decisions").emptied(limit); err != nil {
		return err
	}
	for s.sent()-sum(before, "SendTaskSuccess") < cloudApprovals {
		select {
		case <-limit.Done():
			return fmt.Errorf("%d of %d workflows were answered", s.sent(), cloudApprovals)
		case <-time.After(10 * time.Millisecond):
		}
	}
	calls := 0
	for c, n := range s.counted() {
		calls += n - before[c]
	}
	b.add(atMost("AWS calls per whole approval, SNS decision, Step Functions answer", "", "floor 1.4; watermill-aws' defaults make 5",
		float64(calls)/cloudApprovals, 1.45))
	b.measureIdle(ctx, s)
	return nil
}

// settling is how long the pollers of a queue take to become one: an empty long
// poll.
const settling = 25 * time.Second

// measureIdle counts the calls of a minute, of the two queues, in real time.
func (b *bench) measureIdle(ctx context.Context, s *stub) {
	at := len(b.rows)
	b.add(row{})
	counted := make(chan map[string]int, 1)
	go func() {
		if wait(ctx, settling) != nil {
			return
		}
		before := s.counted()
		if wait(ctx, time.Minute) != nil {
			return
		}
		idle := map[string]int{}
		for c, n := range s.counted() {
			if c.action != "GetQueueAttributes" { // every five minutes, at whatever load
				idle[c.queue] += n - before[c]
			}
		}
		counted <- idle
	}()
	b.later = append(b.later, func(ctx context.Context) error {
		select {
		case idle := <-counted:
			b.rows[at] = atMost("SQS calls per idle minute and queue, after that load", fmt.Sprintf("requests %d, decisions %d, others %d",
				idle["requests"], idle["decisions"], idle[""]), "floor 3: one poller, 20 s long polls; a real minute, without the read of its depth every five",
				float64(max(idle["requests"], idle["decisions"])+idle[""]), 3)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sent returns how many answers the stub has taken for Step Functions.
func (s *stub) sent() int { return sum(s.counted(), "SendTaskSuccess") }

func sum(calls map[call]int, action string) (n int) {
	for c, k := range calls {
		if c.action == action {
			n += k
		}
	}
	return n
}

// envelopes are approvals of the orders in bodies, as SNS puts them into a queue.
func envelopes(n int) []string {
	out := make([]string, n)
	for i := range out {
		decision, _ := json.Marshal(fmt.Sprintf(`{"orderId":"order-%d","decision":"approve","decidedBy":%q}`, i, approver))
		out[i] = fmt.Sprintf(`{"Type":"Notification","MessageId":"n-%d","TopicArn":%q,"Message":%s,"Timestamp":%q,"SignatureVersion":"1","Signature":%q}`,
			i, topicARN, decision, time.Now().UTC().Format(time.RFC3339), strings.Repeat("s", 344))
	}
	return out
}
