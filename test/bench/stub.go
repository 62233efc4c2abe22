package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// roundTrip is how long every call to the stub takes, beside its own work: what
// a worker in the same region sees of SQS.
const roundTrip = 8 * time.Millisecond

// stub is SQS's JSON protocol, and Step Functions' SendTask*, as a load target:
// a receive and a delete cost the same at ten messages and at a million. It is
// no emulator: what was received is never visible again, and it knows no errors.
type stub struct {
	server *http.Server
	url    string

	mu     sync.Mutex
	queues map[string]*ring
	calls  map[call]int
}

// call is one API call, by queue where it is about one.
type call struct{ action, queue string }

// startStub starts the stub on a loopback port of its own.
func startStub() (*stub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stub{url: "http://" + l.Addr().String(), queues: map[string]*ring{}, calls: map[call]int{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

// queue returns the queue of that name, which always exists.
func (s *stub) queue(name string) *ring {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[name] == nil {
		s.queues[name] = newRing()
	}
	return s.queues[name]
}

// queueURL is the URL of the queue of that name.
func (s *stub) queueURL(name string) string { return s.url + "/000000000000/" + name }

// counted returns how often each call was made so far.
func (s *stub) counted() map[call]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// input is what is read of a call's body.
type input struct {
	QueueName           string
	QueueURL            string `json:"QueueUrl"`
	MaxNumberOfMessages *int
	WaitTimeSeconds     int
	ReceiptHandle       string
	Entries             []struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
}

// ServeHTTP answers one call, a round trip after it came.
func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in input
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := in.QueueURL[strings.LastIndexByte(in.QueueURL, '/')+1:]
	s.mu.Lock()
	s.calls[call{action, name}]++
	s.mu.Unlock()
	time.Sleep(roundTrip)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(s.act(r.Context(), action, name, in))
}

func (s *stub) act(ctx context.Context, action, name string, in input) []byte {
	switch action {
	case "GetQueueUrl":
		return []byte(`{"QueueUrl":` + strconv.Quote(s.queueURL(in.QueueName)) + `}`)
	case "GetQueueAttributes":
		return []byte(`{"Attributes":{"ApproximateNumberOfMessages":"0","ApproximateNumberOfMessagesNotVisible":"0","ApproximateNumberOfMessagesDelayed":"0"}}`)
	case "ReceiveMessage":
		most := 1
		if in.MaxNumberOfMessages != nil {
			most = *in.MaxNumberOfMessages
		}
		return s.queue(name).receive(ctx, most, time.Duration(in.WaitTimeSeconds)*time.Second)
	case "DeleteMessage":
		s.queue(name).remove(in.ReceiptHandle)
	case "DeleteMessageBatch":
		out := []byte(`{"Failed":[],"Successful":[`)
		for i, e := range in.Entries {
			s.queue(name).remove(e.ReceiptHandle)
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, `{"Id":`...), strconv.Quote(e.ID)...), '}')
		}
		return append(out, `]}`...)
	}
	return []byte("{}")
}
