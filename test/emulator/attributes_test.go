package emulator

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestAttributes(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		sent := map[string]types.MessageAttributeValue{
			"a.text": {DataType: aws.String("String"), StringValue: aws.String("ü")}, "a.number": {DataType: aws.String("Number.int"), StringValue: aws.String("1")},
			"bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		}
		mustReturn[*sqs.SendMessageOutput](t)(w.queues.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: q, MessageBody: aws.String("m"), MessageAttributes: sent}))
		for _, c := range []struct {
			names  []string
			system []types.MessageSystemAttributeName
			want   string
		}{
			{nil, nil, "map[] map[]"},
			{[]string{"All"}, nil, "map[a.number:1 a.text:ü bytes:\x00\xff] map[]"},
			{[]string{".*"}, nil, "map[a.number:1 a.text:ü bytes:\x00\xff] map[]"},
			{[]string{"a.*"}, nil, "map[a.number:1 a.text:ü] map[]"},
			{[]string{"bytes", "none"}, []types.MessageSystemAttributeName{"ApproximateReceiveCount", "DeadLetterQueueSourceArn"}, "map[bytes:\x00\xff] map[ApproximateReceiveCount:5]"},
		} {
			m := mustReturn[*sqs.ReceiveMessageOutput](t)(w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{
				QueueUrl: q, VisibilityTimeout: 1, MessageAttributeNames: c.names, MessageSystemAttributeNames: c.system,
			})).Messages[0]
			got := map[string]string{}
			for k, v := range m.MessageAttributes {
				got[k] = aws.ToString(v.StringValue) + string(v.BinaryValue)
				if *v.DataType != *sent[k].DataType {
					t.Errorf("%s is of type %s", k, *v.DataType)
				}
			}
			if shown := fmt.Sprint(got, m.Attributes); shown != c.want {
				t.Errorf("%q: %q, want %q", c.names, shown, c.want)
			}
			w.passTime(time.Second)
		}
	})
}

func TestQueueAttributes(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", map[string]string{"DelaySeconds": "5"})
		w.sendBody(q, "a")
		w.sendBody(q, "b")
		w.passTime(5 * time.Second)
		w.sendBody(q, "c")
		mustReturn[*sqs.ReceiveMessageOutput](t)(w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: q}))
		get := func(names ...types.QueueAttributeName) map[string]string {
			return mustReturn[*sqs.GetQueueAttributesOutput](t)(w.queues.GetQueueAttributes(w.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: names})).Attributes
		}
		all := get("All")
		for k, want := range map[string]string{
			"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "1", "ApproximateNumberOfMessagesDelayed": "1",
			"DelaySeconds": "5", "VisibilityTimeout": "30", "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q",
		} {
			if all[k] != want {
				t.Errorf("%s is %q, want %q", k, all[k], want)
			}
		}
		if got := get("QueueArn"); len(got) != 1 || len(get()) != 0 {
			t.Errorf("%v", got)
		}
		set := func(k, v string) error {
			_, err := w.queues.SetQueueAttributes(w.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{k: v}})
			return err
		}
		if err := errors.Join(set("VisibilityTimeout", "43200"), set("Policy", "{}")); err != nil || get("All")["VisibilityTimeout"] != "43200" {
			t.Error(err)
		}
		if err := set("VisibilityTimeout", "43201"); !isError[*types.InvalidAttributeValue](err) {
			t.Error(err)
		}
		if err := set("Visibility", "1"); !isError[*types.InvalidAttributeName](err) {
			t.Error(err)
		}
	})
}
