package api

import (
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

// DeadLetterList is a page of dead letters.
type DeadLetterList struct {
	// DeadLetters are the letters in the store's own table, oldest first.
	DeadLetters []DeadLetter `json:"deadLetters"`
	// Next is the value of the query parameter `after` that returns the next page; it is missing on the last page.
	Next string `json:"next,omitempty"`
	// Stored counts all selected dead letters in the store's own table by source and reason code, on the first page only.
	Stored []DeadLetterGroup `json:"stored,omitempty"`
	// Queues has the dead letter queues with their first messages, on the first page only.
	Queues []DeadLetterQueue `json:"queues,omitempty"`
}

// DeadLetterGroup counts the dead letters of a source with a reason code.
type DeadLetterGroup struct {
	Source     string `json:"source"`
	ReasonCode string `json:"reasonCode"`
	Count      int    `json:"count"`
}

// DeadLetterQueue is a dead letter queue with the number of its messages.
type DeadLetterQueue struct {
	// Source is the source of the messages in the queue.
	Source string `json:"source"`
	Queue  string `json:"queue"`
	// Messages is the number of messages as SQS counts them, approximately.
	Messages int `json:"messages"`
	// Letters are some of the messages, unsorted, at most 50.
	Letters []QueuedLetter `json:"letters,omitempty"`
	// HasMore reports that the queue has more messages than these.
	HasMore bool `json:"hasMore,omitempty"`
	// Error states why the queue could not be read; it is missing if it could.
	Error string `json:"error,omitempty"`
}

// QueuedLetter is a message in a dead letter queue.
type QueuedLetter struct {
	// MessageID is the ID that SQS has given it.
	MessageID  string    `json:"messageId"`
	ReasonCode string    `json:"reasonCode"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at,omitzero"`
	Redrives   int       `json:"redrives"`
	// Body is the message, if it was asked for.
	Body string `json:"body,omitempty"`
}

// DeadLetter is a message that cannot be handled.
type DeadLetter struct {
	ID string `json:"id"`
	// Source is the source of the message, as metrics and logs name it.
	Source string `json:"source"`
	// ReasonCode is the code of the reason, such as "invalid_field:order". A redrive selects by it.
	ReasonCode string `json:"reasonCode"`
	// Reason is the text of the error.
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Redrives int       `json:"redrives"`
	// Body is the message, if it was asked for. It may hold a task token.
	Body string `json:"body,omitempty"`
}

// DismissLettersRequest selects dead letters to remove for good: by their IDs, or all with a reason code.
type DismissLettersRequest struct {
	// By is the person on whose behalf the operator acts, for the log. The operator is the name of the token.
	By string `json:"by,omitempty"`
	// Reason is kept in the log.
	Reason string `json:"reason"`
	// IDs are IDs of dead letters in the store's own table, at most 1000.
	IDs []string `json:"ids,omitempty"`
	// MessageIDs are IDs of messages in dead letter queues, at most 1000.
	MessageIDs []string `json:"messageIds,omitempty"`
	// ReasonCode selects all dead letters with this code, in the store and in the queues.
	ReasonCode string `json:"reasonCode,omitempty"`
	// Source selects the dead letters of this source only.
	Source string `json:"source,omitempty"`
}

// LettersDismissed is the result of a dismissal.
type LettersDismissed struct {
	// Dismissed counts the removed dead letters, FromQueues only the messages of dead letter queues among them.
	Dismissed  int `json:"dismissed"`
	FromQueues int `json:"fromQueues"`
	// NotFound are the IDs without a dead letter.
	NotFound []string `json:"notFound,omitempty"`
	// HasMore reports that the call ended early: the same call goes on.
	HasMore bool     `json:"hasMore,omitempty"`
	Errors  []string `json:"errors,omitempty"`
}

func (e *Endpoints) dismissLetters() http.Handler {
	return operatorHandler(e.OperatorAPI.dismissLetters)
}

func (a *OperatorAPI) listDeadLetters(r *http.Request, _ []byte) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	values := r.URL.Query()
	p, _ := handlers.PrincipalOf(r.Context())
	q := store.LetterQuery{
		Source:     values.Get("source"),
		ReasonCode: approval.ReasonCode(values.Get("reason")),
		After:      values.Get("after"),
		Limit:      limit,
		By:         p.Name,
	}
	ctx := r.Context()
	switch body := values.Get("body"); {
	case body == "" || body == "0":
	case body != "1":
		return nil, approval.InvalidField("body", "must be 1 or 0")
	case !p.Grants.May(role.Audit):
		return nil, &forbiddenError{"the bodies of dead letters need the right \"audit\""}
	default: // the workflows whose messages the operator may open can be fewer than those that the operator sees
		q.WithBodies = true
		ctx = role.WithScope(ctx, p.Grants.Scope(role.Audit))
	}
	page, err := a.Redriver.ListLetters(ctx, q)
	if err != nil {
		return nil, err
	}
	return newDeadLetterList(page), nil
}

func newDeadLetterList(page store.LetterPage) DeadLetterList {
	out := DeadLetterList{
		DeadLetters: mapSlice(page.Stored, newDeadLetter),
		Next:        page.Next,
	}
	for _, g := range page.Groups {
		out.Stored = append(out.Stored, DeadLetterGroup{g.Source, string(g.ReasonCode), g.Count})
	}
	for _, q := range page.Queues {
		queue := DeadLetterQueue{
			Source: q.Source, Queue: q.Queue,
			Messages: q.Messages, HasMore: q.HasMore,
		}
		for _, l := range q.Letters {
			queue.Letters = append(queue.Letters, QueuedLetter{
				MessageID:  l.ID,
				ReasonCode: string(l.ReasonCode),
				Reason:     l.Reason,
				At:         l.At.UTC(),
				Redrives:   l.Redrives,
				Body:       string(l.Body),
			})
		}
		if q.Err != nil {
			queue.Error = q.Err.Error()
		}
		out.Queues = append(out.Queues, queue)
	}
	return out
}

func newDeadLetter(l store.DeadLetter) DeadLetter {
	return DeadLetter{
		ID:         l.ID,
		Source:     l.Source,
		ReasonCode: string(l.ReasonCode),
		Reason:     l.Reason,
		At:         l.At.UTC(),
		Redrives:   l.Redrives,
		Body:       string(l.Body),
	}
}

func (a *OperatorAPI) dismissLetters(r *http.Request, body []byte) (any, error) {
	var in DismissLettersRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	if err := validateAct(in.By, in.Reason); err != nil {
		return nil, err
	}
	isByID := len(in.IDs)+len(in.MessageIDs) > 0
	switch {
	case isByID == (in.ReasonCode != ""):
		return nil, approval.InvalidField("ids", "and messageIds, or reasonCode, must select the dead letters; not both")
	case len(in.IDs) > maxPage:
		return nil, approval.InvalidField("ids", "has more than %d", maxPage)
	case len(in.MessageIDs) > maxPage:
		return nil, approval.InvalidField("messageIds", "has more than %d", maxPage)
	}
	p, _ := handlers.PrincipalOf(r.Context())
	report := a.Redriver.DismissLetters(r.Context(), store.Dismissal{
		IDs:        in.IDs,
		MessageIDs: in.MessageIDs,
		ReasonCode: approval.ReasonCode(in.ReasonCode),
		Source:     in.Source,
		By:         p.Name,
		OnBehalfOf: in.By,
		Reason:     in.Reason,
	})
	return LettersDismissed(report), nil
}

// valueOr returns the value that a pointer points to, or another for nil.
func valueOr[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}
