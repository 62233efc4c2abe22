package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// bearer checks for one of these tokens.
func bearer(tokens ...string) Check {
	return func(r *http.Request, _ []byte) error {
		for _, token := range tokens {
			if r.Header.Get("Authorization") == "Bearer "+token {
				return nil
			}
		}
		return errors.New("no")
	}
}

// write returns a handler that answers with a text.
func write(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(text))
	}
}

// consumeSite handles the topics of a site: the order ID in the answer is the topic.
func consumeSite(t *testing.T, in *Ingress) {
	t.Helper()
	for _, topic := range []string{RequestTopic("orders"), RequestTopic("invoices")} {
		consume(t, in, topic, func(m *message.Message) error {
			handlers.Reply(m, handlers.Accepted{OrderID: topic, ApprovalID: "a", Status: approval.Pending})
			return nil
		})
	}
	for _, topic := range []string{WebhookTopic("erp"), DecisionTopic()} {
		consume(t, in, topic, func(m *message.Message) error {
			handlers.Reply(m, handlers.Decided{OrderID: topic, Verdict: approval.VerdictDecided})
			return nil
		})
	}
}

// findPrincipal knows the tokens "operator", "api" with all verbs, and a token for each verb. All programs are "shop".
func findPrincipal(r *http.Request) (handlers.Principal, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	program := handlers.Principal{Name: "shop", NamesPersons: true, DecidesOwn: true}
	switch {
	case token == "operator":
		return handlers.Principal{Name: "olga", IsOperator: true, Grants: role.Grants{{Role: role.Admin}}}, nil
	case token == "api":
		program.Verbs = []handlers.Verb{handlers.VerbAsk, handlers.VerbDecide, handlers.VerbRead, handlers.VerbCancel}
		return program, nil
	case slices.Contains(handlers.Verbs(), token):
		program.Verbs = []handlers.Verb{handlers.Verb(token)}
		return program, nil
	}
	return handlers.Principal{}, errOdd
}

// site is all routes over an empty store.
func site(t *testing.T, change ...func(*Endpoints)) (*Endpoints, *memory.Store, *observer) {
	t.Helper()
	s, w, in := memory.New(), &observer{}, NewIngress()
	consumeSite(t, in)
	tr := transitions(s)
	h := &Endpoints{
		Ingress:           in,
		Workflows:         []string{"orders"},
		FindPrincipal:     findPrincipal,
		DecisionPage:      write("text/html", "page"),
		RequestFiles:      write("text/html", "page"),
		StatusPage:        write("text/html", "page"),
		SignIn:            signIn{},
		Logo:              write("image/png", "logo"),
		SlackInteractions: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		TeamsMessages:     http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Webhooks:          map[string]SourcePolicy{"erp": {Check: bearer("erp"), Handshake: registration}, "shop": {Check: bearer("shop")}},
		Metrics:           write("text/plain", "metrics"),
		Reload:            func(context.Context) (Reloaded, error) { return Reloaded{Warnings: []string{}}, nil },
		OperatorAPI: &OperatorAPI{
			Orders:      s,
			Lister:      role.View{Records: s},
			Decider:     &handlers.Decider{Transitions: tr, UnmatchedRetention: approval.UnmatchedRetention{WaitFor: time.Hour}},
			Redriver:    &handlers.Redriver{Transitions: tr, Orders: s, DeadLetters: s},
			Refusals:    &refused{},
			Controls:    controls(s),
			Now:         time.Now,
			MakeReceipt: func(string, *approval.Approval) (string, error) { return "signed", nil },
		},
		ReceiptKeys:  []byte("keys"),
		ConsolePages: write("text/html", "console"),
		Backups:      withBackup{},
		Healthy:      func() error { return nil },
		Ready:        func(context.Context) error { return nil },
		Observe:      w.observe,
	}
	for _, f := range change {
		f(h)
	}
	return h, s, w
}

// registration is a handshake by GET and OPTIONS that needs the credential of its source.
func registration(w http.ResponseWriter, r *http.Request, _ []byte, _ bool) (bool, error) {
	if r.Method == http.MethodPost {
		return false, nil
	}
	if err := bearer("erp")(r, nil); err != nil {
		return false, err
	}
	return true, json.NewEncoder(w).Encode(map[string]string{"verification": "x"})
}

// refused keeps what is recorded. It has the body {"a":1} for the ID "kept".
type refused struct {
	mu   sync.Mutex
	list []refusal.Refusal
	sent []recent.Query
}

func (l *refused) RecordRefusal(ctx context.Context, r refusal.Refusal) {
	if call := refusal.CallOf(ctx); call != nil {
		r = call.Complete(r)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r)
}

func (l *refused) Since() time.Time { return time.Unix(1_700_000_000, 0) }

func (l *refused) Entries(q recent.Query) (out []recent.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, q)
	for _, r := range l.list {
		out = append(out, recent.Entry{ID: "id", Refusal: r, First: r.Time, Count: 1})
	}
	return out
}

func (l *refused) OpenBody(id, operator string) (recent.Entry, []byte, bool) {
	return recent.Entry{ID: id, Refusal: refusal.Refusal{Detail: "opened by " + operator}}, []byte(`{"a":1}`), id == "kept"
}

// signIn lets everybody sign in.
type signIn struct{}

func (signIn) StartSignIn(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusSeeOther)
}

func (signIn) CompleteSignIn(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusSeeOther)
}

func (signIn) SignOut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
}

// shelf is a table of dead letters that cannot be read.
type shelf struct {
	store.DeadLetters

	err error
}

func (s *shelf) ListDeadLetters(context.Context, string, int) ([]store.DeadLetter, error) {
	return nil, s.err
}
