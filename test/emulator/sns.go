package emulator

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// SNS is topics whose subscribers are queues of an SQS.
type SNS struct {
	sqs *SQS

	mu     sync.Mutex
	topics map[string][]subscription // by ARN
}

type subscription struct {
	arn, queue string
	raw        bool
}

// NewSNS returns one without topics.
func NewSNS(q *SQS) *SNS { return &SNS{sqs: q, topics: map[string][]subscription{}} }

// Create makes a topic and returns its ARN.
func (s *SNS) Create(name string) string {
	arn := "arn:aws:sns:" + Region + ":" + Account + ":" + name
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.topics[arn]; !ok {
		s.topics[arn] = nil
	}
	return arn
}

func (s *SNS) serve(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	action := form.Get("Action")
	result, e := s.act(action, form)
	w.Header().Set("Content-Type", "text/xml")
	if e != nil {
		w.WriteHeader(max(e.Status, http.StatusBadRequest))
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>",
			text(e.Code), text(e.Message), uuid())
		return
	}
	fmt.Fprintf(w, `<%[1]sResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>%[3]s</RequestId></ResponseMetadata></%[1]sResponse>`,
		action, result, uuid())
}

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func (s *SNS) act(action string, form url.Values) (string, *apiError) {
	arn := form.Get("TopicArn")
	if arn == "" {
		arn = form.Get("TargetArn")
	}
	if action == "CreateTopic" {
		return "<TopicArn>" + text(s.Create(form.Get("Name"))) + "</TopicArn>", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.topics[arn]; !ok {
		return "", &apiError{Code: "NotFound", Message: "Topic does not exist", Status: http.StatusNotFound}
	}
	switch action {
	case "Subscribe":
		return s.subscribe(arn, form)
	case "Publish":
		return s.publish(arn, form)
	case "GetTopicAttributes":
		return "<Attributes><entry><key>TopicArn</key><value>" + text(arn) + "</value></entry></Attributes>", nil
	}
	return "", fail("InvalidAction", "%s", action)
}

func (s *SNS) subscribe(arn string, form url.Values) (string, *apiError) {
	queue := form.Get("Endpoint")
	if form.Get("Protocol") != "sqs" || !strings.HasPrefix(queue, "arn:aws:sqs:") {
		return "", fail("InvalidParameter", "Invalid parameter: Protocol must be sqs here, and Endpoint the ARN of a queue")
	}
	sub := subscription{arn: arn + ":" + uuid(), queue: queue}
	for i := 1; form.Has(fmt.Sprintf("Attributes.entry.%d.key", i)); i++ {
		key, value := form.Get(fmt.Sprintf("Attributes.entry.%d.key", i)), form.Get(fmt.Sprintf("Attributes.entry.%d.value", i))
		if key != "RawMessageDelivery" || value != "true" && value != "false" {
			return "", fail("InvalidParameter", "Invalid parameter: Attributes: only RawMessageDelivery here, true or false")
		}
		sub.raw = value == "true"
	}
	for _, known := range s.topics[arn] {
		switch {
		case known.queue == queue && known.raw != sub.raw:
			return "", fail("InvalidParameter", "Invalid parameter: Attributes Reason: Subscription already exists with different attributes")
		case known.queue == queue:
			return "<SubscriptionArn>" + text(known.arn) + "</SubscriptionArn>", nil
		}
	}
	s.topics[arn] = append(s.topics[arn], sub)
	return "<SubscriptionArn>" + text(sub.arn) + "</SubscriptionArn>", nil
}

// publish sends to every subscriber: the message as it is, with its attributes, or
// all of it in an envelope.
func (s *SNS) publish(arn string, form url.Values) (string, *apiError) {
	n := notification{
		id:      uuid(),
		topic:   arn,
		subject: form.Get("Subject"),
		body:    form.Get("Message"),
	}
	var err error
	n.attributes, err = messageAttributes(form)
	size := entry{MessageBody: n.body, MessageAttributes: n.attributes}.size()
	switch {
	case n.body == "":
		return "", fail("InvalidParameter", "Invalid parameter: Empty message")
	case size > maxNotification:
		return "", fail("InvalidParameter", "Invalid parameter: Message too long")
	case len(n.subject) > maxSubject:
		return "", fail("InvalidParameter", "Invalid parameter: Subject")
	case err != nil || form.Has("MessageStructure"):
		return "", fail("InvalidParameterValue", "a message attribute has no value of its type, or there is a MessageStructure")
	}
	for _, sub := range s.topics[arn] {
		switch {
		case !sub.raw:
			s.sqs.deliver(sub.queue, arn, n.envelope(), nil)
		case len(n.attributes) <= maxAttributes: // else SNS discards it
			s.sqs.deliver(sub.queue, arn, n.body, n.attributes)
		}
	}
	return "<MessageId>" + n.id + "</MessageId>", nil
}
