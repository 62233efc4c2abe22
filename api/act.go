package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

func (e *Endpoints) remindOrder() http.Handler { return operatorHandler(e.OperatorAPI.remindOrder) }
func (e *Endpoints) changeApprovers() http.Handler {
	return operatorHandler(e.OperatorAPI.changeApprovers)
}
func (e *Endpoints) extendDeadline() http.Handler {
	return operatorHandler(e.OperatorAPI.extendDeadline)
}

func (e *Endpoints) dismissOrder() http.Handler { return operatorHandler(e.OperatorAPI.dismissOrder) }

func (a *OperatorAPI) dismissOrder(r *http.Request, body []byte) (any, error) {
	var in DismissRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	return a.act(r, in.ActRequest, a.Decider.Dismiss)
}

func (a *OperatorAPI) remindOrder(r *http.Request, body []byte) (any, error) {
	var in RemindRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	return a.act(r, in.ActRequest, func(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error) {
		return a.Decider.Remind(ctx, orderID, act, in.Approver)
	})
}

func (a *OperatorAPI) changeApprovers(r *http.Request, body []byte) (any, error) {
	var in ApproversRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	return a.act(r, in.ActRequest, func(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error) {
		if in.Replace == "" {
			return a.Decider.AddApprovers(ctx, orderID, act, in.Approvers)
		}
		if len(in.Approvers) != 1 {
			return approval.ActResult{}, approval.InvalidField("approvers", "must be a single person for a replacement")
		}
		return a.Decider.ReplaceApprover(ctx, orderID, act, in.Replace, in.Approvers[0])
	})
}

func (a *OperatorAPI) extendDeadline(r *http.Request, body []byte) (any, error) {
	var in DeadlineRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	if in.Deadline.IsZero() == (in.ExtendBy == 0) {
		return nil, approval.InvalidField("deadline", "must be there, or extendBy, and not both")
	}
	return a.act(r, in.ActRequest, func(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error) {
		return a.Decider.ExtendDeadline(ctx, orderID, act, in.Deadline, time.Duration(in.ExtendBy))
	})
}

// act does an act in the name of its operator.
func (a *OperatorAPI) act(
	r *http.Request, in ActRequest, do func(context.Context, string, approval.Act) (approval.ActResult, error),
) (any, error) {
	if err := validateAct(in.By, strings.TrimSpace(in.Reason)); err != nil {
		return nil, err
	}
	orderID, err := a.pathOrderID(r)
	if err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	result, err := do(r.Context(), orderID, approval.Act{
		ID:         cmp.Or(in.ID, "operator-"+rand.Text()),
		Step:       in.Step,
		Execution:  in.Execution,
		ApprovalID: in.ApprovalID,
		Actor:      p.Actor(in.By),
		Reason:     strings.TrimSpace(in.Reason),
		DryRun:     in.DryRun,
	})
	if err == nil {
		err = result.Verdict.Err()
	}
	return ActResult{
		OrderID:    orderID,
		ApprovalID: result.Verdict.ApprovalID,
		Verdict:    result.Verdict.Code,
		Status:     result.Verdict.Status,
		Asked:      append([]string{}, result.Asked...),
		Deadline:   result.Deadline.UTC(),
		ProposalID: result.Verdict.ProposalID,
		DryRun:     in.DryRun,
	}, err
}
