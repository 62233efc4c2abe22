package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store/memory"
)

var errOdd = errors.New("odd")

// observer keeps the routes that were answered.
type observer struct {
	mu     sync.Mutex
	routes []string // pattern and status
}

func (o *observer) observe(pattern string, status int, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.routes = append(o.routes, pattern+" "+http.StatusText(status))
}

// ignore drops actions and events.
type ignore struct{}

func (ignore) Reserve(handlers.Reservation) bool           { return true }
func (ignore) Release(approval.Action)                     {}
func (ignore) SetNextDue(string, time.Time)                {}
func (ignore) ActionNotMade(approval.ActionKind)           {}
func (ignore) Dispatch(context.Context, []approval.Action) {}
func (ignore) Observe(context.Context, []approval.Event)   {}

// transitions run on a store in memory.
func transitions(orders handlers.Orders) *handlers.Transitions {
	return &handlers.Transitions{
		Orders:   orders,
		Dispatch: ignore{},
		Observer: ignore{},
		Log:      slog.New(slog.DiscardHandler),
		Now:      time.Now,
		Lease:    30 * time.Second,
	}
}

// ask stores an approval with a deadline.
func ask(t *testing.T, s *memory.Store, orderID string, deadline time.Time, change ...func(*approval.Request)) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, func(o *approval.Order) error {
		a := approval.Request{
			Token:         approval.NewToken("secret of " + orderID),
			Target:        "sfn",
			Workflow:      "orders",
			Policy:        approval.Policy{Kind: approval.PolicyAny},
			Deadline:      deadline,
			Retention:     time.Hour,
			CallbackRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		}
		for _, f := range change {
			f(&a)
		}
		_, _, err := o.AddRequest(a, approval.Environment{Now: time.Now(), Lease: 30 * time.Second})
		return err
	}))
}

func get(t *testing.T, s *memory.Store, orderID string) *approval.Order {
	t.Helper()
	o, err := s.Get(t.Context(), orderID)
	require.NoError(t, err)
	return o
}

// consume handles the messages of an ingress topic until the test ends.
func consume(t *testing.T, in *Ingress, topic string, handle func(*message.Message) error) {
	t.Helper()
	messages, err := in.Subscribe(t.Context(), topic)
	require.NoError(t, err)
	go func() {
		for m := range messages {
			go func() {
				err := handle(m)
				handlers.FateOf(m).Err = err
				if err != nil {
					m.Nack()
				} else {
					m.Ack()
				}
			}()
		}
	}()
}

// reply is an answer to a request.
type reply struct {
	*http.Response
	text    string
	problem Problem
}

func send(t *testing.T, h http.Handler, method, path, body string, header ...string) reply {
	t.Helper()
	return sendFrom(t, h, method, path, strings.NewReader(body), header...)
}

func sendFrom(t *testing.T, h http.Handler, method, path string, body io.Reader, header ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := reply{Response: w.Result(), text: w.Body.String()}
	if out.Header.Get("Content-Type") == "application/problem+json" {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out.problem))
		require.Equal(t, out.StatusCode, out.problem.Status)
	}
	if _, is := h.(*siteHandler); is {
		compare(t, method, path, out)
	}
	return out
}

// compare compares an answer of a site with the description, if it has the path. While the description is written anew,
// the program still contains the old one.
func compare(t *testing.T, method, path string, got reply) {
	t.Helper()
	if *update {
		return
	}
	path, _, _ = strings.Cut(path, "?")
	d := described(t)
	if !d.Describes(method, path) || got.problem.Detail == "no such path" {
		return
	}
	require.NoError(t, d.CheckAnswer(method, path, got.StatusCode, got.Header.Get("Content-Type"), []byte(got.text)))
}
