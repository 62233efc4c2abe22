package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// notifyJob notifies the approver of an order.
type notifyJob struct {
	Order string `json:"order"`
}

func (notifyJob) Kind() string { return "notify" }

// answerJob answers the workflow of an order.
type answerJob struct {
	Order string `json:"order"`
}

func (answerJob) Kind() string { return "answer" }

type notifyWorker struct {
	river.WorkerDefaults[notifyJob]
	pool  *pgxpool.Pool
	calls *http.Client
	hook  string
}

// Work sends the notification, and records that it was sent.
func (w *notifyWorker) Work(ctx context.Context, job *river.Job[notifyJob]) error {
	var body json.RawMessage
	if err := w.pool.QueryRow(ctx, `SELECT request FROM orders WHERE id = $1`, job.Args.Order).Scan(&body); err != nil {
		return err
	}
	err := post(ctx, w.calls, w.hook, map[string]any{"orderId": job.Args.Order, "request": body, "at": now()})
	if err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, `UPDATE orders SET notified = now() WHERE id = $1`, job.Args.Order)
	return err
}

type answerWorker struct {
	river.WorkerDefaults[answerJob]
	pool  *pgxpool.Pool
	calls *http.Client
}

// Work sends the answer, and records that it was sent.
func (w *answerWorker) Work(ctx context.Context, job *river.Job[answerJob]) error {
	var url, decision, by string
	err := w.pool.QueryRow(ctx, `SELECT callback, decision, decided_by FROM orders WHERE id = $1`, job.Args.Order).
		Scan(&url, &decision, &by)
	if err != nil {
		return err
	}
	err = post(ctx, w.calls, url, map[string]any{"orderId": job.Args.Order, "decision": decision, "decidedBy": by, "at": now()})
	if err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, `UPDATE orders SET answered = now() WHERE id = $1`, job.Args.Order)
	return err
}

func post(ctx context.Context, calls *http.Client, url string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := calls.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("POST: status %d", resp.StatusCode)
	}
	return nil
}
