package envelope

import (
	"fmt"

	"github.com/approval-relay/approval-relay/metadata"
)

// OpenSNS returns the message in an envelope of SNS, and false for every other text. It returns an error for an
// envelope that the handler has to refuse; the facts of the envelope are in the Content even then.
//
// An envelope (SNS Developer Guide, "Parsing message formats") is a JSON object with the members Type, exactly
// "Notification", and TopicArn and Message, both strings. If a member is repeated, encoding/json takes the last, while
// other readers take the first, and it accepts "topicarn" for "TopicArn". An envelope that two readers may read
// differently is refused.
func OpenSNS(text []byte) (Content, bool, error) {
	o, err := readObject(text)
	if err != nil {
		return Content{}, false, nil
	}
	return openSNS(o)
}

func openSNS(o object) (Content, bool, error) {
	c := Content{Wrapper: "SNS envelope", Certain: true, Meta: map[string]string{}}
	if !o.hasInAnyCase("Type", "TopicArn", "Message") {
		return c, false, nil // a message of Step Functions, of raw delivery, or of another producer
	}
	if o.ambiguous != "" {
		return c, true, snsFault("member %q is repeated, or in two cases", truncateQuote(o.ambiguous))
	}
	name := o.caseVariant("Type", "TopicArn", "Message", "MessageId", "Timestamp", "Subject", "MessageAttributes")
	if name != "" {
		return c, true, snsFault("member %q is in the wrong case", truncateQuote(name))
	}
	if kind, _ := o.stringMember("Type"); kind != "Notification" {
		return c, false, nil // a message that happens to have such members
	}
	topic, ok := o.stringMember("TopicArn")
	if !ok || topic == "" {
		return c, true, snsFault("TopicArn is not a string, or empty")
	}
	payload, ok := o.stringMember("Message")
	if !ok {
		return c, true, snsFault("Message is not a string")
	}
	c.Body = []byte(payload)
	c.set(metadata.TopicARN, topic)
	for key, member := range map[string]string{
		metadata.SNSMessageID: "MessageId",
		metadata.SNSSentAt:    "Timestamp",
		metadata.SNSSubject:   "Subject",
	} {
		text, _ := o.stringMember(member)
		c.set(key, text)
	}
	if o.has("MessageAttributes") {
		c.addAttributes(o, "MessageAttributes", "Value")
	}
	return c, true, nil
}

// isConfirmation reports whether an object is the message by which SNS asks to confirm a subscription.
func isConfirmation(o object) bool {
	kind, _ := o.stringMember("Type")
	return o.has("TopicArn", "Token") && (kind == "SubscriptionConfirmation" || kind == "UnsubscribeConfirmation")
}

// snsFault formats the error of an envelope of SNS.
func snsFault(format string, args ...any) error { return fmt.Errorf("SNS envelope: "+format, args...) }
