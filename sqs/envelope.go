package sqs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/metadata"
)

// unwrapEnvelope returns the message in an SNS envelope, and sets the facts of the envelope in the metadata. A body
// that is not an envelope is returned as it is. So is an envelope that the handler has to refuse; metadata.Fault has
// the reason. It also returns the names of unreadable attributes.
func (d decoder) unwrapEnvelope(body []byte, meta message.Metadata, unread []string) ([]byte, []string) {
	c, found, err := envelope.OpenSNS(body)
	if err != nil {
		setUnlessEmpty(meta, metadata.Fault, err.Error())
		return body, unread
	}
	if !found {
		return body, unread
	}
	topic := c.Meta[metadata.TopicARN]
	setUnlessEmpty(meta, metadata.TopicARN, topic)
	if len(d.topics) > 0 && !slices.Contains(d.topics, topic) {
		setUnlessEmpty(meta, metadata.Fault, fmt.Sprintf("SNS envelope: from an unexpected topic, %q", topic[:min(len(topic), 200)]))
		return body, unread
	}
	for key, value := range c.Meta {
		if name, ok := strings.CutPrefix(key, metadata.Attribute); !ok {
			setUnlessEmpty(meta, key, value)
		} else if name != UUIDAttribute {
			d.setAttribute(meta, name, value)
		}
	}
	for _, name := range c.Unread {
		if name != UUIDAttribute {
			unread = append(unread, name)
		}
	}
	return c.Body, unread
}
