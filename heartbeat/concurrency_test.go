package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// The heartbeats in progress to a target are bounded, by the number that holds at the moment. Each target has its own.
func TestConcurrencyOfATarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSchedule(0)
		var bound atomic.Int32
		bound.Store(3)
		var mu sync.Mutex
		running, most := map[string]int{}, map[string]int{}
		h := NewHeart(Config{
			Schedule: s,
			Orders:   noOrders{},
			Send: func(_ context.Context, d Due) Result {
				count := func(change int) {
					mu.Lock()
					defer mu.Unlock()
					running[d.OrderID] += change
					most[d.OrderID] = max(most[d.OrderID], running[d.OrderID])
				}
				count(1)
				time.Sleep(time.Second)
				count(-1)
				return Result{}
			},
			Concurrency: func(target string) int {
				if target == "other" {
					return 0 // never stands still
				}
				return int(bound.Load())
			},
			Now:          time.Now,
			Log:          slog.New(slog.DiscardHandler),
			CloseTimeout: time.Minute,
		})
		for i := range 40 {
			target := map[bool]string{true: "sfn", false: "other"}[i%2 == 0]
			kept := approval.KeptHeartbeat{ApprovalID: fmt.Sprintf("%032x", i), Target: target, Interval: time.Second}
			s.takeOver(target, []approval.KeptHeartbeat{kept}, time.Now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = h.Run(ctx); close(ended) }()
		seen := func() map[string]int {
			time.Sleep(10 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			defer clear(most)
			return maps.Clone(most)
		}
		require.Equal(t, map[string]int{"sfn": 3, "other": 1}, seen())
		bound.Store(7)
		seen()
		require.Equal(t, map[string]int{"sfn": 7, "other": 1}, seen())
		bound.Store(2)
		seen()
		require.Equal(t, map[string]int{"sfn": 2, "other": 1}, seen())
		cancel()
		<-ended
	})
}

// Heartbeats that are due at nearly the same time are sent together, so that few of them wake the process.
func TestHeartbeatsAreSentTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := NewSchedule(0)
		var mu sync.Mutex
		sent := map[string]time.Duration{}
		h := NewHeart(Config{
			Schedule: s,
			Orders:   noOrders{},
			Send: func(_ context.Context, d Due) Result {
				mu.Lock()
				defer mu.Unlock()
				sent[d.OrderID] = time.Since(began)
				return Result{IsLast: true}
			},
			Concurrency: func(string) int { return 8 },
			Now:         time.Now,
			Log:         slog.New(slog.DiscardHandler),

			CloseTimeout: time.Minute,
		})
		for i, due := range []time.Duration{time.Second, time.Second + together, time.Second + together + 1} {
			orderID := fmt.Sprintf("%032x", i)
			kept := approval.KeptHeartbeat{ApprovalID: orderID, Target: "sfn", Interval: time.Minute, FirstDue: began.Add(due)}
			s.takeOver(orderID, []approval.KeptHeartbeat{kept}, began)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		require.NoError(t, h.Run(ctx))
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, map[string]time.Duration{
			fmt.Sprintf("%032x", 0): time.Second,
			fmt.Sprintf("%032x", 1): time.Second,
			fmt.Sprintf("%032x", 2): time.Second + together + 1,
		}, sent)
	})
}

// Orders of heartbeats that are sent together are read together. An order goes to a single goroutine, and those that are
// not read are read by Send.
func TestOrdersAreReadTogether(t *testing.T) {
	t.Parallel()
	for name, getMany := range map[string]func(context.Context, []string) (map[string]*approval.Order, error){
		"read": func(_ context.Context, ids []string) (map[string]*approval.Order, error) {
			return ordersOf(ids[:2]), nil
		},
		"failed": func(context.Context, []string) (map[string]*approval.Order, error) {
			return nil, errors.New("no store")
		},
		"panics": func(context.Context, []string) (map[string]*approval.Order, error) { panic("a damaged record") },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := NewSchedule(0)
			var mu sync.Mutex
			calls, with, without := 0, []string{}, []string{}
			h := NewHeart(Config{
				Schedule: s,
				Orders:   noOrders{},
				Send: func(_ context.Context, d Due) Result {
					mu.Lock()
					defer mu.Unlock()
					if d.Order != nil {
						require.Equal(t, d.OrderID, d.Order.ID)
						with = append(with, d.OrderID)
					} else {
						without = append(without, d.OrderID)
					}
					return Result{IsLast: true}
				},
				GetMany: func(ctx context.Context, ids []string) (map[string]*approval.Order, error) {
					calls++
					return getMany(ctx, ids)
				},
				Concurrency: func(string) int { return 8 },
				Now:         time.Now,
				Log:         slog.New(slog.DiscardHandler),

				CloseTimeout: time.Minute,
			})
			first := time.Now().Add(time.Second)
			for i, orderID := range []string{"a", "b", "b", "c", "alone"} {
				due := first
				if orderID == "alone" {
					due = due.Add(time.Second)
				}
				kept := approval.KeptHeartbeat{
					ApprovalID: fmt.Sprintf("%032x", i),
					Target:     "sfn",
					Interval:   time.Minute,
					FirstDue:   due.Add(time.Duration(i)),
				}
				s.takeOver(orderID, []approval.KeptHeartbeat{kept}, time.Now())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			require.NoError(t, h.Run(ctx))
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, 1, calls)
			if name == "read" {
				require.ElementsMatch(t, []string{"a", "b"}, with)
				require.ElementsMatch(t, []string{"b", "c", "alone"}, without)
			} else {
				require.ElementsMatch(t, []string{"a", "b", "b", "c", "alone"}, without)
			}
		})
	}
}

func ordersOf(ids []string) map[string]*approval.Order {
	orders := map[string]*approval.Order{}
	for _, id := range ids {
		orders[id] = &approval.Order{ID: id}
	}
	return orders
}
