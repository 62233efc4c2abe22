package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	cloudApprovals = 4000
	topicARN       = "arn:aws:sns:us-east-1:000000000000:decisions"
)

// measureCalls counts the AWS calls of whole approvals. Then the worker stays idle while other sections run, and its calls
// in an idle minute are counted.
func (b *bench) measureCalls(ctx context.Context) error {
	c, err := b.startCloud(ctx, "calls", "")
	if err != nil {
		return err
	}
	calls, err := c.runApprovals(ctx, cloudApprovals)
	if err != nil {
		return err
	}
	b.addRow(atMost("AWS calls per whole approval, SNS decision, Step Functions answer", "",
		"floor 1.4; watermill-aws' defaults make 5", calls, 1.45))
	b.measureIdle(ctx, c.stub)
	return nil
}

// settlingTime is the time until a single poller of an idle queue is left: an empty long poll, and some more.
const settlingTime = 25 * time.Second

// measureIdle counts the calls about each queue during a minute of real time.
func (b *bench) measureIdle(ctx context.Context, s *awsStub) {
	at := len(b.rows)
	b.addRow(row{})
	counted := make(chan map[string]int, 1)
	go func() {
		if waitFor(ctx, settlingTime) != nil {
			return
		}
		before := s.callCounts()
		if waitFor(ctx, time.Minute) != nil {
			return
		}
		idle := map[string]int{}
		for c, n := range s.callCounts() {
			if c.action != "GetQueueAttributes" { // made every five minutes under any load
				idle[c.queue] += n - before[c]
			}
		}
		counted <- idle
	}()
	b.pendingRows = append(b.pendingRows, func(ctx context.Context) error {
		select {
		case idle := <-counted:
			b.rows[at] = atMost("SQS calls per idle minute and queue, after that load",
				fmt.Sprintf("requests %d, decisions %d, others %d", idle["requests"], idle["decisions"], idle[""]),
				"floor 3: one poller, 20 s long polls; a real minute, without the read of its depth every five",
				float64(max(idle["requests"], idle["decisions"])+idle[""]), 3)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

func waitFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answersSent returns the number of successful tasks that the stub has received for Step Functions.
func (s *awsStub) answersSent() int {
	return sumCalls(s.callCounts(), "SendTaskSuccess")
}

func sumCalls(calls map[call]int, action string) (n int) {
	for c, k := range calls {
		if c.action == action {
			n += k
		}
	}
	return n
}

// decisionEnvelopes returns approving decisions for the orders of requestBodies, as SNS puts them into a queue.
func decisionEnvelopes(n int) []string {
	out := make([]string, n)
	for i := range out {
		decision, _ := json.Marshal(fmt.Sprintf(`{"orderId":"order-%d","decision":"approve","decidedBy":%q}`, i, approver))
		out[i] = fmt.Sprintf(`{"Type":"Notification","MessageId":"n-%d","TopicArn":%q,"Message":%s,"Timestamp":%q,`+
			`"SignatureVersion":"1","Signature":%q}`,
			i, topicARN, decision, time.Now().UTC().Format(time.RFC3339), strings.Repeat("s", 344))
	}
	return out
}
