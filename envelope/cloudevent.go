package envelope

import (
	"encoding/base64"
	"errors"

	"github.com/approval-relay/approval-relay/metadata"
)

// cloudEvent is the name of this wrapper for people.
const cloudEvent = "CloudEvents event"

// openCloudEvent opens an event of CloudEvents in its JSON format
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md), as Knative, Azure Event Grid and
// AWS's messaging library for .NET send it. The data is an object, JSON in a text, or base64 of either.
func openCloudEvent(o object) ([]Content, error) {
	if _, isText := o.stringMember("specversion"); !isText || !o.has("type", "source", "id") {
		return nil, nil
	}
	if err := o.checkNames(cloudEvent, "specversion", "type", "source", "id", "data", "data_base64"); err != nil {
		return nil, err
	}
	c := Content{Wrapper: cloudEvent, Certain: true, Meta: map[string]string{}}
	for key, member := range map[string]string{
		metadata.DetailType: "type", metadata.EventSource: "source", metadata.EventID: "id",
	} {
		value, _ := o.stringMember(member)
		c.set(key, value)
	}
	data, ok := o.textOrObject("data")
	if text, encoded := o.stringMember("data_base64"); encoded && !o.has("data") {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New(cloudEvent + ": its data_base64 is not base64")
		}
		data, ok = decoded, true
	}
	if !ok {
		return nil, errors.New(cloudEvent + ": it has no data that is an object or a text")
	}
	c.Body = data
	return one(c), nil
}
