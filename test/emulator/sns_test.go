package emulator

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func (w clients) subscribe(topic, queue string, attributes map[string]string) (string, error) {
	out, err := w.topics.Subscribe(w.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN(queue)), Attributes: attributes})
	if err != nil {
		return "", err
	}
	return *out.SubscriptionArn, nil
}

func TestNotifications(t *testing.T) {
	inBubble(t, func(w clients) {
		topic := *mustReturn[*sns.CreateTopicOutput](t)(w.topics.CreateTopic(w.Context(), &sns.CreateTopicInput{Name: aws.String("decisions")})).TopicArn
		url := map[string]*string{}
		for _, name := range []string{"raw", "wrapped"} {
			w.SQS.CreateQueue(name)
			url[name] = w.makeQueue(name, nil)
			mustReturn[string](t)(w.subscribe(topic, name, map[string]string{"RawMessageDelivery": fmt.Sprint(name == "raw")}))
		}
		in := &sns.PublishInput{TopicArn: &topic, Message: aws.String(`{"a": "<ü&>"}`), Subject: aws.String("S"), MessageAttributes: map[string]snstypes.MessageAttributeValue{
			"kind": {DataType: aws.String("String"), StringValue: aws.String("decision")}, "bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		}}
		id := *mustReturn[*sns.PublishOutput](t)(w.topics.Publish(w.Context(), in)).MessageId

		raw := w.expectBodies(url["raw"], 0, 1, *in.Message)[0].MessageAttributes
		if len(raw) != 2 || *raw["kind"].StringValue != "decision" || *raw["kind"].DataType != "String" || string(raw["bytes"].BinaryValue) != "\x00\xff" {
			t.Errorf("%+v", raw)
		}
		wrapped := w.receiveUpToTen(url["wrapped"], 0, 1)
		if len(wrapped) != 1 || wrapped[0].MessageAttributes != nil {
			t.Fatalf("%+v", wrapped)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(*wrapped[0].Body), &got); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"Signature", "SignatureVersion", "SigningCertURL", "UnsubscribeURL"} {
			if got[k] == nil {
				t.Errorf("no %s", k)
			}
			delete(got, k)
		}
		want := map[string]any{
			"Type": "Notification", "MessageId": id, "TopicArn": topic, "Subject": "S", "Message": *in.Message,
			"Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
			"MessageAttributes": map[string]any{
				"kind": map[string]any{"Type": "String", "Value": "decision"}, "bytes": map[string]any{"Type": "Binary", "Value": "AP8="},
			},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

// TestPermissionToSend shows that a topic sends only to a queue that exists and permits it, and that it reports no error
// otherwise.
func TestPermissionToSend(t *testing.T) {
	inBubble(t, func(w clients) {
		topic, other := w.SNS.CreateTopic("mine"), w.SNS.CreateTopic("other")
		policy := func(topic string) string {
			return fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Action":"SQS:SendMessage","Condition":{"ArnEquals":{"aws:SourceArn":%q}}}]}`, topic)
		}
		w.SQS.CreateQueue("operator's")
		for name, attributes := range map[string]map[string]string{"shut": nil, "mine": {"Policy": policy(topic)}, "other": {"Policy": policy(other)}, "late": nil} {
			w.makeQueue(name, attributes)
		}
		for _, name := range []string{"operator's", "shut", "mine", "other", "none", "late"} {
			mustReturn[string](t)(w.subscribe(topic, name, nil))
		}
		w.SQS.CreateQueue("abroad")
		mustReturn[*sns.SubscribeOutput](t)(w.topics.Subscribe(w.Context(), &sns.SubscribeInput{
			TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(strings.Replace(queueARN("abroad"), Region, "eu-west-1", 1)),
		}))
		publish := func() {
			mustReturn[*sns.PublishOutput](t)(w.topics.Publish(w.Context(), &sns.PublishInput{TargetArn: &topic, Message: aws.String("m")}))
		}
		publish()
		mustReturn[*sqs.SetQueueAttributesOutput](t)(w.queues.SetQueueAttributes(w.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: aws.String(w.URL() + "/late"), Attributes: map[string]string{"Policy": policy(topic)},
		}))
		publish()
		for name, want := range map[string]int{"operator's": 2, "shut": 0, "mine": 2, "other": 0, "none": 0, "late": 1, "abroad": 0} {
			if n, _ := w.SQS.CountMessages(name); n != want {
				t.Errorf("%s got %d, want %d", name, n, want)
			}
		}
	})
}

func TestTopicErrors(t *testing.T) {
	inBubble(t, func(w clients) {
		topic := w.SNS.CreateTopic("t")
		w.SQS.CreateQueue("q")
		first := mustReturn[string](t)(w.subscribe(topic, "q", map[string]string{"RawMessageDelivery": "true"}))
		if again, err := w.subscribe(topic, "q", map[string]string{"RawMessageDelivery": "true"}); err != nil || again != first {
			t.Errorf("%s, %v; was %s", again, err, first)
		}
		for name, attributes := range map[string]map[string]string{"other attributes": nil, "unknown": {"FilterPolicy": "{}"}, "neither": {"RawMessageDelivery": "yes"}} {
			if _, err := w.subscribe(topic, "q", attributes); !isError[*snstypes.InvalidParameterException](err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.subscribe(topic+"x", "q", nil); !isError[*snstypes.NotFoundException](err) {
			t.Error(err)
		}
		eleven := map[string]snstypes.MessageAttributeValue{}
		for i := range 11 {
			eleven[fmt.Sprint(i)] = snstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("x")}
		}
		for name, c := range map[string]struct {
			in        sns.PublishInput
			errorCode string
		}{
			"no topic":             {sns.PublishInput{TopicArn: aws.String(topic + "x"), Message: aws.String("m")}, "NotFound"},
			"empty":                {sns.PublishInput{Message: aws.String("")}, "InvalidParameter"},
			"too long":             {sns.PublishInput{Message: aws.String(strings.Repeat("x", 262_145))}, "InvalidParameter"},
			"attribute":            {sns.PublishInput{Message: aws.String("m"), MessageAttributes: map[string]snstypes.MessageAttributeValue{"a": {DataType: aws.String("String")}}}, "InvalidParameterValue"},
			"structure":            {sns.PublishInput{Message: aws.String("m"), MessageStructure: aws.String("json")}, "InvalidParameterValue"},
			"eleven are discarded": {sns.PublishInput{Message: aws.String("m"), MessageAttributes: eleven}, ""},
		} {
			if c.in.TopicArn == nil {
				c.in.TopicArn = &topic
			}
			if _, err := w.topics.Publish(w.Context(), &c.in); errorCode(err) != c.errorCode || (err == nil) != (c.errorCode == "") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n, _ := w.SQS.CountMessages("q"); n != 0 {
			t.Errorf("%d were sent", n)
		}
		if _, err := w.topics.ListTopics(w.Context(), &sns.ListTopicsInput{}); errorCode(err) != "NotFound" && errorCode(err) != "InvalidAction" {
			t.Error(err)
		}
	})
}
