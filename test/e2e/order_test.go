package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// readOrder reads the order as operators see it.
func (s *scenario) readOrder(ctx context.Context, w *world) (status int, o orderView, err error) {
	status, text, err := w.callUntilAnswered(ctx, "GET", "http://"+w.operator+"/v1/orders/"+s.order, bearerHeader(operatorToken), "")
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal([]byte(text), &o)
	}
	return status, o, err
}

type orderView struct {
	Approvals []struct {
		Status   string `json:"status"`
		Callback struct {
			State string `json:"state"`
		} `json:"callback"`
	} `json:"approvals"`
	Unmatched []any `json:"unmatchedDecisions"`
}

// waitForOrder reads the order until it fulfils a condition.
func (s *scenario) waitForOrder(ctx context.Context, w *world, what string, is func(orderView) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		status, o, err := s.readOrder(ctx, w)
		if err == nil && status == http.StatusOK && is(o) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("order %s: waited for %s: %d %+v %w", s.order, what, status, o, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func (s *scenario) waitUntilRecorded(ctx context.Context, w *world) error {
	return s.waitForOrder(ctx, w, "its request to be recorded", func(o orderView) bool { return len(o.Approvals) == 1 })
}

func (s *scenario) waitUntilUnmatched(ctx context.Context, w *world) error {
	return s.waitForOrder(ctx, w, "its decision to wait", func(o orderView) bool { return len(o.Unmatched) > 0 })
}

func (s *scenario) waitUntilDecided(ctx context.Context, w *world) error {
	return s.waitForOrder(
		ctx,
		w,
		"its decision",
		func(o orderView) bool { return len(o.Approvals) == 1 && o.Approvals[0].Status != "pending" },
	)
}

func (s *scenario) cancelApproval(ctx context.Context, w *world) error {
	if err := s.waitUntilRecorded(ctx, w); err != nil {
		return err
	}
	status, text, err := w.callUntilAnswered(
		ctx,
		"POST",
		"http://"+w.operator+"/v1/orders/"+s.order+"/cancel",
		bearerHeader(operatorToken),
		`{"by": "op", "reason": "e2e"}`,
	)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("cancel: %d %s %w", status, text, err)
	}
	return nil
}
