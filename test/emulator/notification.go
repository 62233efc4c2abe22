package emulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Limits of a notification:
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html.
const (
	maxNotification = 262_144 // bytes, with its attributes
	maxSubject      = 100     // characters
)

// notification is a message that was published to a topic.
type notification struct {
	id, topic, subject, body string
	attributes               map[string]Attribute
}

// envelopeJSON returns the notification in the envelope that a queue receives if its subscription is not raw:
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html.
func (n notification) envelopeJSON() string {
	type attribute struct {
		Type  string
		Value string
	}
	attributes := map[string]attribute{}
	for name, a := range n.attributes {
		value := a.StringValue
		if strings.HasPrefix(a.DataType, "Binary") {
			value = base64.StdEncoding.EncodeToString(a.BinaryValue)
		}
		attributes[name] = attribute{a.DataType, value}
	}
	b, _ := json.Marshal(struct { // text fields only, so it cannot fail
		Type              string
		MessageID         string `json:"MessageId"`
		TopicARN          string `json:"TopicArn"`
		Subject           string `json:",omitempty"`
		Message           string
		Timestamp         string
		SignatureVersion  string
		Signature         string
		SigningCertURL    string
		UnsubscribeURL    string
		MessageAttributes map[string]attribute `json:",omitempty"`
	}{
		Type:              "Notification",
		MessageID:         n.id,
		TopicARN:          n.topic,
		Subject:           n.subject,
		Message:           n.body,
		Timestamp:         time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		SignatureVersion:  "1",
		Signature:         "none",
		SigningCertURL:    "https://sns." + Region + ".amazonaws.com/none.pem",
		UnsubscribeURL:    "https://sns." + Region + ".amazonaws.com/",
		MessageAttributes: attributes,
	})
	return string(b)
}

// messageAttributes reads message attributes from a form of the query protocol.
func messageAttributes(form url.Values) (map[string]Attribute, error) {
	out := map[string]Attribute{}
	for i := 1; ; i++ {
		at := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		if !form.Has(at + "Name") {
			return out, nil
		}
		a := Attribute{DataType: form.Get(at + "Value.DataType"), StringValue: form.Get(at + "Value.StringValue")}
		binary, err := base64.StdEncoding.DecodeString(form.Get(at + "Value.BinaryValue"))
		a.BinaryValue = binary
		e := entry{MessageBody: "x", MessageAttributes: map[string]Attribute{form.Get(at + "Name"): a}}
		if err = errors.Join(err, e.validate()); err != nil {
			return nil, err
		}
		out[form.Get(at+"Name")] = a
	}
}
