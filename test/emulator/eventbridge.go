package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The limits of an event: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size.
const (
	maxEntries    = 10
	maxEvents     = 262_144 // bytes of all entries of a call
	eventTime     = 14      // bytes that a time counts
	maxDetailType = 128     // characters
)

// EventBridge answers PutEvents. It enforces the limits of
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html.
type EventBridge struct {
	mu     sync.Mutex
	buses  map[string][]Event // by name
	faults []string           // one for each of the next calls
	calls  int
}

// Event is an event on a bus.
type Event struct {
	Source     string
	DetailType string
	Detail     string
	Time       float64 // seconds since 1970
}

// NewEventBridge returns an EventBridge with the bus "default".
func NewEventBridge() *EventBridge {
	return &EventBridge{buses: map[string][]Event{"default": nil}}
}

// CreateEventBus creates an event bus and returns its ARN.
func (e *EventBridge) CreateEventBus(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.buses[name] = nil
	return busARN + name
}

const busARN = "arn:aws:events:" + Region + ":" + Account + ":event-bus/"

// Events returns the events of a bus.
func (e *EventBridge) Events(bus string) []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.buses[bus])
}

// CountCalls returns the number of calls.
func (e *EventBridge) CountCalls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls
}

// FailNext adds a fault for each of the next calls: "fail" answers 500, "lose" applies the call and closes the
// connection without an answer. Any other fault is the error code of every event in an answer with status 200.
func (e *EventBridge) FailNext(how ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, how...)
}

type putEvents struct {
	Entries []putEventsEntry
}

type putEventsEntry struct {
	EventBusName string
	Source       string
	DetailType   string
	Detail       string
	Time         *float64
}

func (e *EventBridge) serveCall(w http.ResponseWriter, action string, body []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	fault := ""
	if len(e.faults) > 0 {
		fault = e.faults[0]
		e.faults = e.faults[1:]
	}
	if fault == "fail" {
		writeAnswer(w, nil, &apiError{Code: "InternalFailure", Message: "internal", Status: http.StatusInternalServerError})
		return
	}
	out, err := e.put(action, body, fault)
	if fault == "lose" {
		hangUp(w)
		return
	}
	writeAnswer(w, out, err)
}

// put puts the events of a call on their buses.
func (e *EventBridge) put(action string, body []byte, fault string) (any, error) {
	var in putEvents
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || action != "PutEvents" {
		return nil, newAPIError("SerializationException", "%s: %v", action, err)
	}
	if len(in.Entries) == 0 || len(in.Entries) > maxEntries {
		return nil, newAPIError("ValidationException", "%d entries, must be 1 to %d", len(in.Entries), maxEntries)
	}
	size := 0
	for _, entry := range in.Entries {
		size += entry.sizeInBytes()
	}
	if size > maxEvents {
		return nil, newAPIError("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	failed, results := 0, make([]object, len(in.Entries))
	for i, entry := range in.Entries {
		code := entry.errorCode()
		if fault != "" && fault != "lose" {
			code = fault
		}
		if code != "" {
			failed++
			results[i] = object{"ErrorCode": code, "ErrorMessage": "refused: " + entry.Detail}
			continue
		}
		e.keepEvent(entry)
		results[i] = object{"EventId": newUUID()}
	}
	return object{"FailedEntryCount": failed, "Entries": results}, nil
}

// sizeInBytes returns the size that counts towards the limit.
func (p putEventsEntry) sizeInBytes() int {
	n := len(p.Source) + len(p.DetailType) + len(p.Detail)
	if p.Time != nil {
		n += eventTime
	}
	return n
}

// errorCode returns the error code of an event that is refused, or the empty text.
func (p putEventsEntry) errorCode() string {
	var detail map[string]any
	switch {
	case p.Source == "" || p.DetailType == "" || p.Detail == "" || !utf8.ValidString(p.Detail):
		return "InvalidArgument"
	case json.Unmarshal([]byte(p.Detail), &detail) != nil:
		return "MalformedDetail"
	case strings.HasPrefix(p.Source, "aws."):
		return "NotAuthorizedForSourceException"
	}
	return ""
}

// keepEvent keeps an event on its bus. As EventBridge does, it accepts and discards an event for a bus that does not
// exist (https://github.com/aws/aws-sdk/issues/186) or with a long detail type
// (https://github.com/segmentio/action-destinations/pull/2828).
func (e *EventBridge) keepEvent(p putEventsEntry) {
	name := strings.TrimPrefix(p.EventBusName, busARN)
	if name == "" {
		name = "default"
	}
	if _, exists := e.buses[name]; !exists || utf8.RuneCountInString(p.DetailType) > maxDetailType {
		return
	}
	kept := Event{Source: p.Source, DetailType: p.DetailType, Detail: p.Detail}
	if p.Time != nil {
		kept.Time = *p.Time
	}
	e.buses[name] = append(e.buses[name], kept)
}
