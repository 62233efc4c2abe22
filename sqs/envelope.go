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

// unwrapEnvelope returns the message in an SNS envelope, and sets the facts of the envelope in the metadata. A body
// that is not an envelope is returned as it is. So is an envelope that the handler has to refuse; metadata.Fault has
// the reason.
//
// An envelope (SNS Developer Guide, "Parsing message formats") is a JSON object with the members Type, exactly
// "Notification", and TopicArn and Message, both strings. If a member is repeated, encoding/json takes the last, while
// other readers take the first, and it accepts "topicarn" for "TopicArn". An envelope that two readers may read
// differently is refused.
func (d decoder) unwrapEnvelope(body []byte, meta message.Metadata, unread []string) ([]byte, []string) {
	o, err := readObject(body)
	if err != nil || !o.hasMembers("Type", "TopicArn", "Message") {
		return body, unread // a message of Step Functions, of raw delivery, or of another producer
	}
	if o.ambiguous != "" {
		setUnlessEmpty(meta, metadata.Fault, envelopeFault("member %q is repeated, or in two cases", truncateQuote(o.ambiguous)))
		return body, unread
	}
	name := o.caseVariant("Type", "TopicArn", "Message", "MessageId", "Timestamp", "Subject", "MessageAttributes")
	if name != "" {
		setUnlessEmpty(meta, metadata.Fault, envelopeFault("member %q is in the wrong case", truncateQuote(name)))
		return body, unread
	}
	if kind, _ := o.stringMember("Type"); kind != "Notification" {
		return body, unread // a message that happens to have such members
	}
	topic, ok := o.stringMember("TopicArn")
	if !ok || topic == "" {
		setUnlessEmpty(meta, metadata.Fault, envelopeFault("TopicArn is not a string, or empty"))
		return body, unread
	}
	payload, ok := o.stringMember("Message")
	if !ok {
		setUnlessEmpty(meta, metadata.Fault, envelopeFault("Message is not a string"))
		return body, unread
	}
	setUnlessEmpty(meta, metadata.TopicARN, topic)
	if len(d.topics) > 0 && !slices.Contains(d.topics, topic) {
		setUnlessEmpty(meta, metadata.Fault, envelopeFault("from an unexpected topic, %q", truncateQuote(topic)))
		return body, unread
	}
	members := map[string]string{
		metadata.SNSMessageID: "MessageId",
		metadata.SNSSentAt:    "Timestamp",
		metadata.SNSSubject:   "Subject",
	}
	for key, member := range members {
		text, _ := o.stringMember(member)
		setUnlessEmpty(meta, key, text)
	}
	return []byte(payload), d.envelopeAttributes(o, meta, unread)
}

// envelopeAttributes sets the attributes of an envelope, {"name": {"Type": "String", "Value": "…"}}, in the metadata,
// and appends the names of unreadable attributes.
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
		value, ok := a.stringMember("Value")
		if err != nil || !ok || a.ambiguous != "" {
			unread = append(unread, name)
			continue
		}
		d.setAttribute(meta, name, value)
	}
	return unread
}

// object is a JSON object. The names of its members are compared exactly.
type object struct {
	members   map[string]json.RawMessage
	folded    map[string]bool // the case-folded names
	ambiguous string          // a name that is repeated, or in two cases
}

// readObject reads a JSON object, and refuses data after it.
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
		name, _ := token.(string) // the decoder returns strings only as names
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return o, fmt.Errorf("member: %w", err)
		}
		f := foldCase(name)
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

// stringMember returns the value of a member, if it is a string.
func (o object) stringMember(name string) (string, bool) {
	raw := o.members[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// hasMembers reports whether the object has all these members, in any case.
func (o object) hasMembers(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !o.folded[foldCase(n)] })
}

// caseVariant returns a member with any of these names in another case, or "".
func (o object) caseVariant(names ...string) string {
	for name := range o.members {
		for _, want := range names {
			if name != want && strings.EqualFold(name, want) {
				return name
			}
		}
	}
	return ""
}

// foldCase maps names that differ only in case to the same text, by Unicode's simple folding, as encoding/json does.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// truncateQuote bounds a text from outside that is quoted in an error.
func truncateQuote(s string) string { return s[:min(len(s), 200)] }
