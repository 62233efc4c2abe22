package emulator

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// SNS emulates topics. Their subscribers are queues of the SQS beside it.
type SNS struct {
	sqs *SQS

	mu     sync.Mutex
	topics map[string][]subscription // by ARN
}

type subscription struct {
	arn, queue string
	raw        bool
}

// NewSNS returns an SNS without topics.
func NewSNS(q *SQS) *SNS {
	return &SNS{sqs: q, topics: map[string][]subscription{}}
}

// CreateTopic creates a topic and returns its ARN.
func (s *SNS) CreateTopic(name string) string {
	arn := "arn:aws:sns:" + Region + ":" + Account + ":" + name
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.topics[arn]; !ok {
		s.topics[arn] = nil
	}
	return arn
}

func (s *SNS) serveQuery(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	action := form.Get("Action")
	result, e := s.runAction(action, form)
	w.Header().Set("Content-Type", "text/xml")
	if e != nil {
		w.WriteHeader(max(e.Status, http.StatusBadRequest))
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"+
			"<RequestId>%s</RequestId></ErrorResponse>", escapeXML(e.Code), escapeXML(e.Message), newUUID())
		return
	}
	fmt.Fprintf(w, `<%[1]sResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><%[1]sResult>%[2]s</%[1]sResult>`+
		`<ResponseMetadata><RequestId>%[3]s</RequestId></ResponseMetadata></%[1]sResponse>`, action, result, newUUID())
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // writing to a Builder cannot fail
	return b.String()
}

func (s *SNS) runAction(action string, form url.Values) (string, *apiError) {
	arn := form.Get("TopicArn")
	if arn == "" {
		arn = form.Get("TargetArn")
	}
	if action == "CreateTopic" {
		return "<TopicArn>" + escapeXML(s.CreateTopic(form.Get("Name"))) + "</TopicArn>", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.topics[arn]; !ok {
		return "", &apiError{Code: "NotFound", Message: "Topic does not exist", Status: http.StatusNotFound}
	}
	switch action {
	case "Subscribe":
		return s.subscribeQueue(arn, form)
	case "Publish":
		return s.publishNotification(arn, form)
	case "GetTopicAttributes":
		return "<Attributes><entry><key>TopicArn</key><value>" + escapeXML(arn) + "</value></entry></Attributes>", nil
	}
	return "", newAPIError("InvalidAction", "%s", action)
}

func (s *SNS) subscribeQueue(arn string, form url.Values) (string, *apiError) {
	queue := form.Get("Endpoint")
	if form.Get("Protocol") != "sqs" || !strings.HasPrefix(queue, "arn:aws:sqs:") {
		return "", newAPIError("InvalidParameter", "Invalid parameter: Protocol must be sqs here, and Endpoint the ARN of a queue")
	}
	sub := subscription{arn: arn + ":" + newUUID(), queue: queue}
	for i := 1; form.Has(fmt.Sprintf("Attributes.entry.%d.key", i)); i++ {
		key := form.Get(fmt.Sprintf("Attributes.entry.%d.key", i))
		value := form.Get(fmt.Sprintf("Attributes.entry.%d.value", i))
		if key != "RawMessageDelivery" || value != "true" && value != "false" {
			return "", newAPIError("InvalidParameter", "Invalid parameter: Attributes: only RawMessageDelivery here, true or false")
		}
		sub.raw = value == "true"
	}
	for _, known := range s.topics[arn] {
		switch {
		case known.queue == queue && known.raw != sub.raw:
			return "", newAPIError("InvalidParameter",
				"Invalid parameter: Attributes Reason: Subscription already exists with different attributes")
		case known.queue == queue:
			return "<SubscriptionArn>" + escapeXML(known.arn) + "</SubscriptionArn>", nil
		}
	}
	s.topics[arn] = append(s.topics[arn], sub)
	return "<SubscriptionArn>" + escapeXML(sub.arn) + "</SubscriptionArn>", nil
}

// publishNotification delivers a notification to every subscriber of a topic: with raw delivery the bare message and
// its attributes, otherwise the envelope.
func (s *SNS) publishNotification(arn string, form url.Values) (string, *apiError) {
	n := notification{
		id:      newUUID(),
		topic:   arn,
		subject: form.Get("Subject"),
		body:    form.Get("Message"),
	}
	var err error
	n.attributes, err = messageAttributes(form)
	size := entry{MessageBody: n.body, MessageAttributes: n.attributes}.sizeInBytes()
	switch {
	case n.body == "":
		return "", newAPIError("InvalidParameter", "Invalid parameter: Empty message")
	case size > maxNotification:
		return "", newAPIError("InvalidParameter", "Invalid parameter: Message too long")
	case len(n.subject) > maxSubject:
		return "", newAPIError("InvalidParameter", "Invalid parameter: Subject")
	case err != nil || form.Has("MessageStructure"):
		return "", newAPIError("InvalidParameterValue", "a message attribute has no value of its type, or there is a MessageStructure")
	}
	for _, sub := range s.topics[arn] {
		switch {
		case !sub.raw:
			s.sqs.deliverNotification(sub.queue, arn, n.envelopeJSON(), nil)
		case len(n.attributes) <= maxAttributes: // SNS discards a raw message with more
			s.sqs.deliverNotification(sub.queue, arn, n.body, n.attributes)
		}
	}
	return "<MessageId>" + n.id + "</MessageId>", nil
}
