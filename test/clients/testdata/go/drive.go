// Command drive drives one approval with the client that oapi-codegen makes: request, list, decide, answer.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"approval-relay-client/client"
)

func main() {
	if err := drive(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// withToken returns a client that sends a bearer token.
func withToken(url, token string) (*client.ClientWithResponses, error) {
	return client.NewClientWithResponses(url, client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
}

func drive(ctx context.Context, url, token, operatorToken, orderID, callbackURL string) error {
	program, err := withToken(url, token)
	if err != nil {
		return err
	}
	operator, err := withToken(url, operatorToken)
	if err != nil {
		return err
	}
	title, approvers := "Refund of 480 EUR", []string{"ann@example.com"}
	accepted, err := program.CreateRequestWithResponse(ctx, nil, client.ApprovalRequest{
		OrderId:              &orderID,
		CallbackUrl:          &callbackURL,
		Title:                &title,
		Approvers:            &approvers,
		AdditionalProperties: map[string]any{"amount": 480},
	})
	if err != nil || accepted.JSON202 == nil {
		return fmt.Errorf("request: %v %s", err, accepted.Body)
	}
	if err := list(ctx, operator, orderID, accepted.JSON202.ApprovalId); err != nil {
		return err
	}
	decision, by := "approve", "ann@example.com"
	decided, err := program.CreateDecisionWithResponse(ctx, orderID, client.Decision{Decision: &decision, DecidedBy: &by})
	if err != nil || decided.JSON200 == nil || decided.JSON200.Verdict != client.VerdictDecided {
		return fmt.Errorf("decide: %v %s", err, decided.Body)
	}
	return waitForAnswer(ctx, operator, orderID)
}

// list looks for the order among the pending ones, and for the problem of a wrong limit.
func list(ctx context.Context, operator *client.ClientWithResponses, orderID, approvalID string) error {
	pending, limit := client.ListOrdersParamsStatePending, 1000
	page, err := operator.ListOrdersWithResponse(ctx, &client.ListOrdersParams{State: &pending, Limit: &limit})
	if err != nil || page.JSON200 == nil {
		return fmt.Errorf("list: %v %s", err, page.Body)
	}
	found := false
	for _, o := range page.JSON200.Orders {
		found = found || o.OrderId == orderID && o.Approvals[0].ApprovalId == approvalID
	}
	if !found {
		return fmt.Errorf("the list lacks the order: %s", page.Body)
	}
	limit = 0
	refused, err := operator.ListOrdersWithResponse(ctx, &client.ListOrdersParams{Limit: &limit})
	if err != nil || refused.ApplicationproblemJSON422 == nil || *refused.ApplicationproblemJSON422.Field != "limit" {
		return fmt.Errorf("not a problem: %v %s", err, refused.Body)
	}
	return nil
}

// waitForAnswer waits until the workflow has its answer.
func waitForAnswer(ctx context.Context, operator *client.ClientWithResponses, orderID string) error {
	for range 200 {
		order, err := operator.GetOrderWithResponse(ctx, orderID)
		if err != nil || order.JSON200 == nil {
			return fmt.Errorf("show: %v %s", err, order.Body)
		}
		if order.JSON200.Approvals[0].Callback.State == client.CallbackStateDelivered {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("order %s is not answered", orderID)
}
