package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Lister lists orders for people.
type Lister interface {
	ListOrders(ctx context.Context, pending, exhausted bool, after string, limit int) (orders []*approval.Order, next string, err error)
}

// OperatorAPI is the JSON API for operators: it lists and shows orders, decides and
// cancels in the name of an operator, and redrives. The console shows the same to
// people, see package web/console.
type OperatorAPI struct {
	Orders  handlers.Orders
	List    Lister
	Decider *handlers.Decider
	Letters handlers.Letters
	Redrive *handlers.Redrive
}

// operatorHandler answers a request with the value that f returns.
func operatorHandler(f func(*http.Request, []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		if err != nil {
			writeAnswer(w, nil, err)
			return
		}
		out, err := f(r, body)
		writeAnswer(w, out, err)
	})
}

func (e *Endpoints) listOrders() http.Handler  { return operatorHandler(e.OperatorAPI.listOrders) }
func (e *Endpoints) showOrder() http.Handler   { return operatorHandler(e.OperatorAPI.showOrder) }
func (e *Endpoints) decideOrder() http.Handler { return operatorHandler(e.OperatorAPI.decideOrder) }
func (e *Endpoints) cancelOrder() http.Handler { return operatorHandler(e.OperatorAPI.cancelOrder) }
func (e *Endpoints) listDeadLetters() http.Handler {
	return operatorHandler(e.OperatorAPI.listDeadLetters)
}
func (e *Endpoints) redrive() http.Handler { return operatorHandler(e.OperatorAPI.redrive) }

// decodeStrict reads a JSON body into v; unknown fields are faults.
func decodeStrict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return approval.InvalidField("body", "%s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return approval.InvalidField("body", "has more than one value")
	}
	return nil
}

// OrderList is a page of orders.
type OrderList struct {
	Orders []*approval.Order `json:"orders"`
	Next   string            `json:"next,omitempty"`
}

func (a *OperatorAPI) listOrders(r *http.Request, _ []byte) (any, error) {
	q := r.URL.Query()
	limit := 100
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			return nil, approval.InvalidField("limit", "must be 1 to 1000")
		}
		limit = n
	}
	state := q.Get("state")
	if state != "" && state != "pending" && state != "exhausted" {
		return nil, approval.InvalidField("state", "must be pending or exhausted")
	}
	orders, next, err := a.List.ListOrders(r.Context(), state == "pending", state == "exhausted", q.Get("after"), limit)
	if err != nil {
		return nil, err
	}
	out := OrderList{Orders: []*approval.Order{}, Next: next}
	for _, o := range orders {
		out.Orders = append(out.Orders, handlers.View(o))
	}
	return out, nil
}

func (a *OperatorAPI) showOrder(r *http.Request, _ []byte) (any, error) {
	o, err := a.Orders.Get(r.Context(), r.PathValue("orderId"))
	if err != nil {
		return nil, err
	}
	return handlers.View(o), nil
}

// Ruling is what an operator decides about an order.
type Ruling struct {
	Outcome    approval.Outcome `json:"outcome,omitempty"` // approve or reject; none for cancel
	By         string           `json:"by"`                // who rules, for the history
	Reason     string           `json:"reason"`
	Step       string           `json:"step,omitempty"`
	ApprovalID string           `json:"approvalId,omitempty"`
}

// maxBy is the longest name of who rules, in bytes, as of who decides.
const maxBy = 256

func readRuling(body []byte) (Ruling, error) {
	var rule Ruling
	if err := decodeStrict(body, &rule); err != nil {
		return rule, err
	}
	if rule.By == "" {
		return rule, approval.InvalidField("by", "is missing")
	}
	if len(rule.By) > maxBy {
		return rule, approval.InvalidField("by", "is %d bytes long, the most is %d", len(rule.By), maxBy)
	}
	if rule.Reason == "" {
		return rule, approval.InvalidField("reason", "is missing")
	}
	return rule, nil
}

func (a *OperatorAPI) decideOrder(r *http.Request, body []byte) (any, error) {
	rule, err := readRuling(body)
	if err != nil {
		return nil, err
	}
	orderID := r.PathValue("orderId")
	v, err := a.Decider.Decide(r.Context(), orderID, approval.Decision{
		ID:         "operator-" + rand.Text(),
		Step:       rule.Step,
		ApprovalID: rule.ApprovalID,
		Outcome:    rule.Outcome,
		By:         rule.By,
		Comment:    rule.Reason,
		Via:        approval.ViaOperator,
		Source:     "operator",
	})
	return decided(orderID, v, err)
}

func (a *OperatorAPI) cancelOrder(r *http.Request, body []byte) (any, error) {
	rule, err := readRuling(body)
	if err != nil {
		return nil, err
	}
	if rule.Outcome != "" {
		return nil, approval.InvalidField("outcome", "is nothing to cancel with")
	}
	orderID := r.PathValue("orderId")
	v, err := a.Decider.Cancel(r.Context(), orderID, rule.Step, rule.ApprovalID, rule.By, rule.Reason)
	return decided(orderID, v, err)
}

func decided(orderID string, v approval.Verdict, err error) (any, error) {
	if err == nil {
		err = v.Err()
	}
	return handlers.Decided{
		OrderID:    orderID,
		ApprovalID: v.ApprovalID,
		Verdict:    v.Code,
		Status:     v.Status,
	}, err
}

// LetterList is a page of dead letters.
type LetterList struct {
	Letters []handlers.Letter `json:"letters"`
	Error   string            `json:"error,omitempty"` // there are some that cannot be read
}

func (a *OperatorAPI) listDeadLetters(r *http.Request, _ []byte) (any, error) {
	letters, err := a.Letters.List(r.Context(), r.URL.Query().Get("after"), 1000)
	if err != nil && len(letters) == 0 {
		return nil, err
	}
	out := LetterList{Letters: append([]handlers.Letter{}, letters...)}
	if err != nil {
		out.Error = err.Error()
	}
	return out, nil
}

func (a *OperatorAPI) redrive(r *http.Request, body []byte) (any, error) {
	var order handlers.RedriveOrder
	if err := decodeStrict(body, &order); err != nil {
		return nil, err
	}
	if order.By == "" {
		return nil, approval.InvalidField("by", "is missing")
	}
	return a.Redrive.Run(r.Context(), order), nil
}
