package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Admiral-Piett/goaws/app/models"
)

// pollInterval is the time between two short polls of a long poll.
const pollInterval = 10 * time.Millisecond

// server serves goaws one request at a time.
type server struct {
	goaws http.Handler

	mu       sync.Mutex
	receives map[string]int // by message ID
}

func newServer(goaws http.Handler) *server {
	return &server{goaws: goaws, receives: map[string]int{}}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	var answer *httptest.ResponseRecorder
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ReceiveMessage") {
		answer = s.pollMessages(r, body)
	} else {
		s.mu.Lock()
		answer = s.callGoaws(r, body)
		s.mu.Unlock()
	}
	if strings.Contains(answer.Body.String(), "NonExistentQueue") {
		w.Header().Set("X-Amzn-Errortype", "QueueDoesNotExist")
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// callGoaws passes a request to goaws. The caller holds the lock.
func (s *server) callGoaws(r *http.Request, body []byte) *httptest.ResponseRecorder {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	s.goaws.ServeHTTP(w, r)
	for _, q := range models.SyncQueues.Queues {
		q.ReceiveMessageWaitTimeSeconds = 0 // otherwise an empty receive would hold the lock
	}
	return w
}

// pollMessages answers a long poll by a series of short polls. It releases the lock between them.
func (s *server) pollMessages(r *http.Request, body []byte) *httptest.ResponseRecorder {
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return s.callGoaws(r, body)
	}
	wait, _ := in["WaitTimeSeconds"].(float64)
	in["WaitTimeSeconds"] = 0
	body, _ = json.Marshal(in)
	for until := time.Now().Add(time.Duration(wait) * time.Second); ; {
		s.mu.Lock()
		answer := s.callGoaws(r, body)
		found := s.correctReceives(answer)
		s.mu.Unlock()
		if found || answer.Code != http.StatusOK || time.Now().After(until) {
			return answer
		}
		select {
		case <-r.Context().Done():
			return answer
		case <-time.After(pollInterval):
		}
	}
}

// correctReceives writes the counted receives and the times of sending into an answer. It reports whether the answer
// has messages.
func (s *server) correctReceives(answer *httptest.ResponseRecorder) bool {
	var out struct {
		Messages []map[string]any
	}
	if json.Unmarshal(answer.Body.Bytes(), &out) != nil || len(out.Messages) == 0 {
		return false
	}
	sent := map[string]time.Time{}
	for _, q := range models.SyncQueues.Queues {
		for i := range q.Messages {
			sent[q.Messages[i].Uuid] = q.Messages[i].SentTime
		}
	}
	for _, m := range out.Messages {
		id, _ := m["MessageId"].(string)
		s.receives[id]++
		if attributes, ok := m["Attributes"].(map[string]any); ok {
			attributes["ApproximateReceiveCount"] = strconv.Itoa(s.receives[id])
			attributes["SentTimestamp"] = strconv.FormatInt(sent[id].UnixMilli(), 10)
		}
	}
	body, _ := json.Marshal(out)
	answer.Body = bytes.NewBuffer(body)
	return true
}
