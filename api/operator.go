package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/advice"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// OperatorAPI is the JSON API for operators: it lists and shows orders, decides and cancels in the name of an
// operator, and redrives. The console shows the same to people, see package web/console.
type OperatorAPI struct {
	// Orders and Lister keep within the scope of the call's context, see role.View.
	Orders      handlers.OrderReader
	Lister      ApprovalLister
	Decider     *handlers.Decider
	Redriver    *handlers.Redriver
	Refusals    RefusalLister
	MakeReceipt handlers.MakeReceipt
	Controls    Controls
	Now         func() time.Time
}

// ApprovalLister lists approvals. It bounds the orders that it looks at for a page by all orders, not only by those in the
// scope of the call.
type ApprovalLister interface {
	ListApprovals(ctx context.Context, q store.Query) (store.Page, error)
}

// maxPage is the largest number of entries in a list, defaultPage the number without a limit.
const (
	maxPage     = 1000
	defaultPage = 100
)

// operatorHandler answers a request with the value that f returns.
func operatorHandler(f func(*http.Request, []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := readText(w, r)
		if err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		out, err := f(r, text)
		writeAnswer(w, r, out, err)
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

// decodeStrict reads a JSON body into v. Unknown fields are faults.
func decodeStrict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is { // its text has names of Go types
		return approval.InvalidField(cmp.Or(wrong.Field, "body"), "has the wrong type: %.40s", wrong.Value)
	}
	if err != nil {
		return approval.InvalidField("body", "%.200s", err)
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) { // a redrive of everything must be meant
		return approval.InvalidField("body", "must be an object, is null")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return approval.InvalidField("body", "has more than one value")
	}
	return nil
}

// pageLimit reads the query parameter limit.
func pageLimit(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, approval.InvalidField("limit", "must be 1 to %d", maxPage)
	}
	return n, nil
}

// showOrder shows an order to an operator, and its own approvals to a program.
func (a *OperatorAPI) showOrder(r *http.Request, _ []byte) (any, error) {
	p, _ := handlers.PrincipalOf(r.Context())
	orderID, err := a.pathOrderID(r)
	if err != nil {
		return nil, err
	}
	o, err := a.Orders.Get(r.Context(), orderID)
	if errors.Is(err, approval.ErrNotFound) && !p.IsOperator {
		return nil, &notFoundError{"order of this program"}
	}
	if err != nil {
		return nil, err
	}
	own, ok := ownPart(o, p)
	if !ok { // the same answer as for an order that does not exist
		return nil, &notFoundError{"order of this program"}
	}
	public := newOrder(own)
	if p.IsOperator {
		a.advise(&public, own)
	}
	return public, nil
}

// advise adds the next action of an operator about each approval.
func (a *OperatorAPI) advise(public *Order, o *approval.Order) {
	for i, found := range o.Approvals {
		var held *store.Control
		if control, ok := a.Controls.Find(found.Workflow); ok && control.Mode.IsStrongerThan(store.ControlDrain) {
			held = &control
		}
		public.Approvals[i].Advice = advice.For(found, a.Now(), held)
	}
}

// pathOrderID returns the order ID in the path, as the order is stored.
func (a *OperatorAPI) pathOrderID(r *http.Request) (string, error) {
	return handlers.FindOrderID(r.Context(), a.Orders, r.PathValue("orderId"))
}

// maxBy is the longest name of a person, in bytes. It is the limit of the domain.
const maxBy = 256

// validateBy checks the name of the person on whose behalf an act is done.
func validateBy(by string) error {
	if len(by) > maxBy {
		return approval.InvalidField("by", "is %d bytes long, the most is %d", len(by), maxBy)
	}
	return nil
}

// validateAct checks the fields that decisions of operators and cancellations have.
func validateAct(by, reason string) error {
	if err := validateBy(by); err != nil {
		return err
	}
	if reason == "" {
		return approval.InvalidField("reason", "is missing")
	}
	return nil
}

func (a *OperatorAPI) decideOrder(r *http.Request, body []byte) (any, error) {
	var in DecideRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	if err := validateAct(in.By, in.Reason); err != nil {
		return nil, err
	}
	orderID, err := a.pathOrderID(r)
	if err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	actor := p.Actor(in.By)
	v, err := a.Decider.Decide(r.Context(), orderID, approval.Decision{
		ID:         "operator-" + rand.Text(),
		Step:       in.Step,
		Execution:  in.Execution,
		ApprovalID: in.ApprovalID,
		Outcome:    in.Outcome,
		Choice:     in.Choice,
		Values:     in.Values,
		By:         actor.By,
		Principal:  actor.Principal,
		Claimed:    actor.Claimed,
		Comment:    in.Reason,
		Via:        actor.Via,
		Source:     actor.Source,

		ShownDigest: in.ShownDigest,
	})
	return verdictAnswer(orderID, v, err)
}

// cancelOrder cancels an approval for an operator, or for the program that asked for it.
func (a *OperatorAPI) cancelOrder(r *http.Request, body []byte) (any, error) {
	var in CancelRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	if err := validateAct(in.By, in.Reason); err != nil {
		return nil, err
	}
	orderID, err := a.pathOrderID(r)
	if err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	v, err := a.Decider.CancelApproval(r.Context(), orderID, approval.Cancellation{
		Step:       in.Step,
		Execution:  in.Execution,
		ApprovalID: in.ApprovalID,
		Reason:     in.Reason,
		Actor:      p.Actor(in.By),
		OwnOnly:    !p.IsOperator,
		Workflows:  p.Workflows,
	})
	return verdictAnswer(orderID, v, err)
}

// verdictAnswer returns the answer to an act of an operator. A refused act is an error.
func verdictAnswer(orderID string, v approval.Verdict, err error) (any, error) {
	if err == nil {
		err = v.Err()
	}
	return DecisionResult{
		OrderID:    orderID,
		ApprovalID: v.ApprovalID,
		Verdict:    v.Code,
		Status:     v.Status,
		ProposalID: v.ProposalID,
	}, err
}

func (a *OperatorAPI) redrive(r *http.Request, body []byte) (any, error) {
	var in RedriveRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	if err := validateBy(in.By); err != nil {
		return nil, err
	}
	if in.Max != nil && (*in.Max < 1 || *in.Max > maxPage) {
		return nil, approval.InvalidField("max", "must be 1 to %d", maxPage)
	}
	if in.Limit < 0 {
		return nil, approval.InvalidField("limit", "must be at least 0; noGuard removes the guard")
	}
	if in.NoGuard {
		in.Limit = -1
	}
	if _, err := store.ParseRedrivePosition(in.After); err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	return newRedriveReport(a.Redriver.Redrive(r.Context(), store.RedriveRequest{
		DryRun:      in.DryRun,
		Max:         valueOr(in.Max, 0),
		ReasonCode:  approval.ReasonCode(in.ReasonCode),
		MaxRedrives: in.Limit,
		By:          p.Name,
		OnBehalfOf:  in.By,
		OrderID:     in.OrderID,
		After:       in.After,
	})), nil
}
