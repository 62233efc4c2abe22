package emulator

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
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
	if form.Get("Protocol") != "sqs" {
		return "", fail("InvalidParameter", "Protocol must be sqs here")
	}
	name := form.Get("Endpoint")[strings.LastIndex(form.Get("Endpoint"), ":")+1:]
	sub := subscription{arn: arn + ":" + uuid(), queue: name}
	for i := 1; form.Has(fmt.Sprintf("Attributes.entry.%d.key", i)); i++ {
		if form.Get(fmt.Sprintf("Attributes.entry.%d.key", i)) == "RawMessageDelivery" {
			sub.raw = form.Get(fmt.Sprintf("Attributes.entry.%d.value", i)) == "true"
		}
	}
	for _, known := range s.topics[arn] {
		if known.queue == name {
			return "<SubscriptionArn>" + text(known.arn) + "</SubscriptionArn>", nil
		}
	}
	s.topics[arn] = append(s.topics[arn], sub)
	return "<SubscriptionArn>" + text(sub.arn) + "</SubscriptionArn>", nil
}

// publish sends to every subscriber: the message as it is, or in the envelope of
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html.
func (s *SNS) publish(arn string, form url.Values) (string, *apiError) {
	id, body := uuid(), form.Get("Message")
	if body == "" {
		return "", fail("InvalidParameter", "Empty message")
	}
	envelope, _ := json.Marshal(map[string]string{ // strings
		"Type": "Notification", "MessageId": id, "TopicArn": arn, "Message": body,
		"Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "SignatureVersion": "1", "Signature": "none",
		"SigningCertURL": "https://sns." + Region + ".amazonaws.com/none.pem", "UnsubscribeURL": "https://sns." + Region + ".amazonaws.com/",
	})
	for _, sub := range s.topics[arn] {
		if sub.raw {
			s.sqs.Put(path.Base(sub.queue), body, nil)
		} else {
			s.sqs.Put(path.Base(sub.queue), string(envelope), nil)
		}
	}
	return "<MessageId>" + id + "</MessageId>", nil
}
