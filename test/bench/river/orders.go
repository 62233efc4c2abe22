package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// createOrders creates the table. A row is written four times: requested, notified, decided, answered.
const createOrders = `CREATE TABLE IF NOT EXISTS orders (
	id          text PRIMARY KEY,
	request     jsonb NOT NULL,
	callback    text NOT NULL,
	requested   timestamptz NOT NULL DEFAULT now(),
	notified    timestamptz,
	decision    text,
	decided_by  text,
	decided     timestamptz,
	answered    timestamptz
)`

// orders takes requests and decisions.
type orders struct {
	pool  *pgxpool.Pool
	queue *river.Client[pgx.Tx]
}

// request is the body of a request.
type request struct {
	OrderID     string `json:"orderId"`
	CallbackURL string `json:"callbackUrl"`
	Amount      float64
}

// decision is the body of a decision.
type decision struct {
	Decision  string `json:"decision"`
	DecidedBy string `json:"decidedBy"`
}

// errClosed is returned for an order that is unknown or decided.
var errClosed = errors.New("no such order waits for a decision")

// takeRequest stores an order together with the job that notifies its approver.
func (o *orders) takeRequest(w http.ResponseWriter, r *http.Request) {
	var body request
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.OrderID == "" {
		http.Error(w, "the body is no request", http.StatusBadRequest)
		return
	}
	answer(w, o.inTransaction(r.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(r.Context(), `INSERT INTO orders (id, request, callback) VALUES ($1, $2, $3)`,
			body.OrderID, body, body.CallbackURL)
		if err != nil {
			return err
		}
		_, err = o.queue.InsertTx(r.Context(), tx, notifyJob{Order: body.OrderID}, nil)
		return err
	}))
}

// takeDecision stores a decision together with the job that answers the workflow.
func (o *orders) takeDecision(w http.ResponseWriter, r *http.Request) {
	var body decision
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Decision == "" {
		http.Error(w, "the body is no decision", http.StatusBadRequest)
		return
	}
	id := r.PathValue("order")
	answer(w, o.inTransaction(r.Context(), func(tx pgx.Tx) error {
		found, err := tx.Exec(r.Context(),
			`UPDATE orders SET decision = $2, decided_by = $3, decided = now() WHERE id = $1 AND decision IS NULL`,
			id, body.Decision, body.DecidedBy)
		if err != nil {
			return err
		}
		if found.RowsAffected() == 0 {
			return errClosed
		}
		_, err = o.queue.InsertTx(r.Context(), tx, answerJob{Order: id}, nil)
		return err
	}))
}

func (o *orders) inTransaction(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, o.pool, f)
}

func answer(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.Is(err, errClosed):
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

// now is the time in the bodies of calls.
func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }
