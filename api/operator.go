package api

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// OperatorAPI is the JSON API for operators: it lists and shows orders, decides and
// cancels in the name of an operator, and redrives. The console shows the same to
// people, see package web/console.
type OperatorAPI struct {
	Orders      handlers.Orders
	Lister      handlers.Lister
	Decider     *handlers.Decider
	DeadLetters store.DeadLetters
	Redriver    *handlers.Redriver
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
	orders, next, err := a.Lister.List(r.Context(), store.Query{
		Pending:   state == "pending",
		Exhausted: state == "exhausted",
		After:     q.Get("after"),
		Limit:     limit,
	})
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

// Letter is a dead letter in JSON. Its body and metadata are left out: they may
// contain a task token.
type Letter struct {
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Redrives int       `json:"redrives"`
}

// LetterList is a page of dead letters.
type LetterList struct {
	Letters []Letter `json:"letters"`
	Error   string   `json:"error,omitempty"` // there are some that cannot be read
}

func (a *OperatorAPI) listDeadLetters(r *http.Request, _ []byte) (any, error) {
	letters, err := a.DeadLetters.ListDeadLetters(r.Context(), r.URL.Query().Get("after"), 1000)
	if err != nil && len(letters) == 0 {
		return nil, err
	}
	out := LetterList{Letters: []Letter{}}
	for _, d := range letters {
		out.Letters = append(out.Letters, Letter{
			ID:       d.ID,
			Source:   d.Source,
			Reason:   d.Reason,
			At:       d.At,
			Redrives: d.Redrives,
		})
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out, nil
}

// RedriveOrder is a store.RedriveRequest in JSON.
type RedriveOrder struct {
	DryRun  bool   `json:"dryRun"`
	Max     int    `json:"max"`
	Reason  string `json:"reason"`
	Limit   int    `json:"limit"`
	By      string `json:"by"`
	OrderID string `json:"orderId,omitempty"`
}

// RedriveReport is a store.RedriveReport in JSON.
type RedriveReport struct {
	DryRun   bool           `json:"dryRun"`
	Found    map[string]int `json:"found"`
	Redriven int            `json:"redriven"`
	Guarded  int            `json:"guarded"`
	Expired  int            `json:"expired"`
	Failed   int            `json:"failed"`
	Errors   []string       `json:"errors,omitempty"`
}

func (a *OperatorAPI) redrive(r *http.Request, body []byte) (any, error) {
	var order RedriveOrder
	if err := decodeStrict(body, &order); err != nil {
		return nil, err
	}
	if order.By == "" {
		return nil, approval.InvalidField("by", "is missing")
	}
	return RedriveReport(a.Redriver.Redrive(r.Context(), store.RedriveRequest(order))), nil
}
