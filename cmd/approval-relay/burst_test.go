package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// slowServer is a server that holds every request until it is released.
type slowServer struct {
	*httptest.Server
	release chan struct{}

	mu      sync.Mutex
	running int
	most    int // running at once
	served  int
}

func newSlowServer(t *testing.T) *slowServer {
	t.Helper()
	s := &slowServer{release: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count(1)
		defer s.count(-1)
		select {
		case <-s.release:
		case <-r.Context().Done():
			return
		}
		s.mu.Lock()
		s.served++
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *slowServer) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running += n
	s.most = max(s.most, s.running)
}

// counts returns the number of requests that are held, the most of them so far, and the number of answered requests.
func (s *slowServer) counts() (running, most, served int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, s.most, s.served
}

// The limits of the notifications under way through the channel, and of the callbacks to a host, in the files of these tests.
// They are low, so that as many calls begin before the first of them has hung for ten seconds, which ends it.
const (
	maxOfChannel = 32
	maxOfHost    = 16
)

// TestBurstOnASlowChannel sends requests with many approvers, whose channel does not answer. The notifications under way
// stay within the limit of the channel, and all of them are sent in the end.
func TestBurstOnASlowChannel(t *testing.T) {
	t.Parallel()
	const orders, each = 5, 25
	p, slow := newPlace(t), newSlowServer(t)
	channel := fmt.Sprintf("webhook: {url: %q, secrets: [%q], allow_internal: true, concurrency: %d}", slow.URL, signingSecret, maxOfChannel)
	p.start(t, p.file(t, false, "notify: [slow]\nchannels:\n  slow: {"+channel+"}"))
	var approvers []string
	for i := range each {
		approvers = append(approvers, fmt.Sprintf("%q", fmt.Sprintf("p%d@example.com", i)))
	}
	for i := range orders {
		p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":"A-%d","taskToken":%q,"approvers":[%s]}`,
			i, p.aws.StepFunctions.OpenTask(time.Hour, 0), strings.Join(approvers, ",")), nil)
	}
	// From here to the release nothing else is done.
	eventually(t, "the limit reached", func() bool { running, _, _ := slow.counts(); return running >= maxOfChannel })
	close(slow.release)
	eventually(t, "every notification sent", func() bool { _, _, served := slow.counts(); return served >= orders*each })
	if _, most, _ := slow.counts(); most > maxOfChannel {
		t.Errorf("%d notifications at once, at most %d are allowed", most, maxOfChannel)
	}
}

// TestBurstOnASlowHost decides a burst of approvals whose callback URLs are of a host that does not answer.
func TestBurstOnASlowHost(t *testing.T) {
	t.Parallel()
	const n = 3 * maxOfHost
	p, slow := newPlace(t), newSlowServer(t)
	r := p.start(t, p.file(t, false, ""))
	// All requests come first and the decisions at once.
	for i := range n {
		r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":"A-%d","callbackUrl":"%s/%d"}`, i, slow.URL, i))
	}
	var all errgroup.Group
	all.SetLimit(n)
	for i := range n {
		all.Go(func() error {
			order := fmt.Sprint("A-", i)
			if got := r.hub(t, decideBody("d-"+order, order, "approve", "")); got.body["verdict"] != "decided" {
				return fmt.Errorf("%s: %d %s", order, got.status, got.text)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the limit reached", func() bool { running, _, _ := slow.counts(); return running >= maxOfHost })
	close(slow.release)
	eventually(t, "every callback made", func() bool { _, _, served := slow.counts(); return served >= n })
	if _, most, _ := slow.counts(); most > maxOfHost {
		t.Errorf("%d callbacks at once, at most %d are allowed", most, maxOfHost)
	}
}
