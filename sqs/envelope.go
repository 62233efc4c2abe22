package sqs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/metadata"
)

// unwrapped returns the message in an SNS envelope, with what the envelope says
// of it in the metadata; or the body as it is, if it is no envelope or one that
// is to be refused (then metadata.Fault says why).
//
// An envelope (SNS Developer Guide, "Parsing message formats") is a JSON object
// with the members Type, exactly "Notification", TopicArn and Message, both
// strings. encoding/json would take "topicarn" for "TopicArn" and the last of
// two members of one name, where another reader takes the first: what two
// readers may read differently is refused.
func (d decoder) unwrapped(body []byte, meta message.Metadata, unread []string) ([]byte, []string) {
	o, err := readObject(body)
	if err != nil || !o.hasFold("Type", "TopicArn", "Message") {
		return body, unread // Step Functions, raw delivery or a plain producer
	}
	if o.ambiguous != "" {
		put(meta, metadata.Fault, fault("member %q comes twice, or in two cases", clip(o.ambiguous)))
		return body, unread
	}
	if name := o.variant("Type", "TopicArn", "Message", "MessageId", "Timestamp", "Subject", "MessageAttributes"); name != "" {
		put(meta, metadata.Fault, fault("member %q is in the wrong case", clip(name)))
		return body, unread
	}
	if kind, _ := o.text("Type"); kind != "Notification" {
		return body, unread // somebody's own message with such members
	}
	topic, ok := o.text("TopicArn")
	if !ok || topic == "" {
		put(meta, metadata.Fault, fault("TopicArn is no string, or empty"))
		return body, unread
	}
	payload, ok := o.text("Message")
	if !ok {
		put(meta, metadata.Fault, fault("Message is no string"))
		return body, unread
	}
	put(meta, metadata.TopicARN, topic)
	if len(d.topics) > 0 && !slices.Contains(d.topics, topic) {
		put(meta, metadata.Fault, fault("from an unexpected topic, %q", clip(topic)))
		return body, unread
	}
	for key, member := range map[string]string{metadata.SNSMessageID: "MessageId", metadata.SNSSentAt: "Timestamp", metadata.SNSSubject: "Subject"} {
		text, _ := o.text(member)
		put(meta, key, text)
	}
	return []byte(payload), d.envelopeAttributes(o, meta, unread)
}

// envelopeAttributes sets the attributes of an envelope, {"name": {"Type":
// "String", "Value": "…"}}, in the metadata, and appends the names of those
// that cannot be read.
func (d decoder) envelopeAttributes(o object, meta message.Metadata, unread []string) []string {
	raw, found := o.members["MessageAttributes"]
	if !found {
		return unread
	}
	attributes, err := readObject(raw)
	if err != nil || attributes.ambiguous != "" {
		return append(unread, "MessageAttributes")
	}
	for name, raw := range attributes.members {
		if name == UUIDAttribute {
			continue
		}
		a, err := readObject(raw)
		value, ok := a.text("Value")
		if err != nil || !ok || a.ambiguous != "" {
			unread = append(unread, name)
			continue
		}
		d.attribute(meta, name, value)
	}
	return unread
}

// object is a JSON object whose member names are told apart as they are.
type object struct {
	members   map[string]json.RawMessage
	folded    map[string]bool // the names without regard to case
	ambiguous string          // a name that came twice, or in two cases
}

// readObject reads one JSON object and nothing after it.
func readObject(data []byte) (object, error) {
	o := object{members: map[string]json.RawMessage{}, folded: map[string]bool{}}
	in := json.NewDecoder(bytes.NewReader(data))
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return o, errors.New("not a JSON object")
	}
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return o, fmt.Errorf("member name: %w", err)
		}
		name, _ := token.(string) // the decoder takes nothing else for a name
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return o, fmt.Errorf("member: %w", err)
		}
		f := fold(name)
		if o.folded[f] {
			o.ambiguous = name
		}
		o.folded[f], o.members[name] = true, value
	}
	if _, err := in.Token(); err != nil {
		return o, fmt.Errorf("end of the object: %w", err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("more than one JSON value")
	}
	return o, nil
}

// text returns a member that is a string.
func (o object) text(name string) (string, bool) {
	raw := o.members[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// hasFold says whether the object has all these members, in whatever case.
func (o object) hasFold(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !o.folded[fold(n)] })
}

// variant returns the member that is one of these names in another case, or "".
func (o object) variant(names ...string) string {
	for name := range o.members {
		for _, want := range names {
			if name != want && strings.EqualFold(name, want) {
				return name
			}
		}
	}
	return ""
}

// fold maps names that differ only in case to the same text, by Unicode's simple
// folding, as encoding/json does.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// clip bounds a text from outside that goes into an error.
func clip(s string) string { return s[:min(len(s), 200)] }
