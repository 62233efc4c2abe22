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
	"sync/atomic"
	"time"
)

// roundTrip is the time that every call to the stub takes in addition to its own work. A worker in the same region
// measures about as much with SQS.
const roundTrip = 8 * time.Millisecond

// awsStub speaks the JSON protocol of SQS and of Step Functions' SendTask* calls, as a target for load tests. A receive
// and a delete cost the same with ten messages and with a million. It is simpler than the emulator: a received message
// never becomes visible again, and every call succeeds.
type awsStub struct {
	server *http.Server
	url    string

	mu     sync.Mutex
	queues map[string]*queue
	calls  map[call]int

	beats atomic.Pointer[beatTimes] // gets the heartbeats, if it is set
}

// call names an API call, and its queue if it concerns a queue.
type call struct{ action, queue string }

// startStub starts the stub on a free port of the loopback.
func startStub() (*awsStub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &awsStub{url: "http://" + l.Addr().String(), queues: map[string]*queue{}, calls: map[call]int{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

// queueNamed returns the queue with this name and creates it if needed.
func (s *awsStub) queueNamed(name string) *queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[name] == nil {
		s.queues[name] = newQueue()
	}
	return s.queues[name]
}

// queueURL returns the URL of a queue.
func (s *awsStub) queueURL(name string) string { return s.url + "/000000000000/" + name }

// callCounts returns the number of calls so far.
func (s *awsStub) callCounts() map[call]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// input has the fields that are read from the body of a call.
type input struct {
	QueueName           string
	QueueURL            string `json:"QueueUrl"`
	MaxNumberOfMessages *int
	WaitTimeSeconds     int
	ReceiptHandle       string
	TaskToken           string
	Entries             []struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
}

// ServeHTTP answers a call, a round trip after its arrival.
func (s *awsStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	_, _ = w.Write(s.runAction(r.Context(), action, name, in))
}

func (s *awsStub) runAction(ctx context.Context, action, name string, in input) []byte {
	switch action {
	case "GetQueueUrl":
		return []byte(`{"QueueUrl":` + strconv.Quote(s.queueURL(in.QueueName)) + `}`)
	case "GetQueueAttributes":
		return []byte(`{"Attributes":{"ApproximateNumberOfMessages":"0","ApproximateNumberOfMessagesNotVisible":"0",` +
			`"ApproximateNumberOfMessagesDelayed":"0"}}`)
	case "ReceiveMessage":
		most := 1
		if in.MaxNumberOfMessages != nil {
			most = *in.MaxNumberOfMessages
		}
		return s.queueNamed(name).receiveUpTo(ctx, most, time.Duration(in.WaitTimeSeconds)*time.Second)
	case "SendTaskHeartbeat":
		if beats := s.beats.Load(); beats != nil {
			beats.add(in.TaskToken, time.Now())
		}
	case "DeleteMessage":
		s.queueNamed(name).deleteMessage(in.ReceiptHandle)
	case "DeleteMessageBatch":
		out := []byte(`{"Failed":[],"Successful":[`)
		for i, e := range in.Entries {
			s.queueNamed(name).deleteMessage(e.ReceiptHandle)
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, `{"Id":`...), strconv.Quote(e.ID)...), '}')
		}
		return append(out, `]}`...)
	}
	return []byte("{}")
}
