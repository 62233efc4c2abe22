package deadline

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type key struct{}

func TestWithinEndsInTime(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{time.Second, 30 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var g Group
			for range 100 {
				began := time.Now()
				ctx := g.Within(t.Context(), limit)
				end, isBounded := ctx.Deadline()
				require.True(t, isBounded)
				require.NoError(t, ctx.Err())
				time.Sleep(limit / 37)
				go func() {
					<-ctx.Done()
					assert.LessOrEqual(t, time.Since(began), limit)
					assert.Greater(t, time.Since(began), limit-limit/precision)
					assert.Equal(t, end, time.Now())
					assert.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
					assert.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
				}()
			}
			synctest.Wait()
			time.Sleep(limit)
			synctest.Wait()
		})
	}
}

func TestWithinWithoutTime(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{0, -time.Second} {
		var g Group
		for range 3 {
			require.ErrorIs(t, g.Within(t.Context(), limit).Err(), context.DeadlineExceeded)
		}
	}
}

func TestWithinLimitsOfOneGroupDiffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group
		for range 3 {
			for _, limit := range []time.Duration{time.Minute, time.Second} {
				end, _ := g.Within(t.Context(), limit).Deadline()
				require.Equal(t, limit, time.Until(end))
			}
		}
	})
}

// TestWithinHasTheValuesOnly holds that the context has the values of another context, and does not end with it.
func TestWithinHasTheValuesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "of the parent"))
		ctx := g.Within(parent, time.Minute)
		cancel()
		require.NoError(t, ctx.Err())
		require.Equal(t, "of the parent", ctx.Value(key{}))
		require.Nil(t, g.Within(t.Context(), time.Minute).Value(key{}), "the values are not shared")
	})
}

// TestChildrenEndWithIt holds that contexts made of it end with it, and need no goroutine for that.
func TestChildrenEndWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		before := runtime.NumGoroutine()
		ctx := context.WithValue(g.Within(t.Context(), time.Minute), key{}, "inner")
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		short, cancelShort := context.WithTimeout(ctx, time.Second)
		defer cancelShort()
		require.LessOrEqual(t, runtime.NumGoroutine(), before)
		time.Sleep(time.Second)
		synctest.Wait()
		require.ErrorIs(t, short.Err(), context.DeadlineExceeded)
		require.NoError(t, child.Err())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
	})
}

func TestWithinCostsOneAllocation(t *testing.T) {
	var g Group
	ctx := t.Context()
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _ = g.Within(ctx, time.Hour).Done() }), 1.0)
}
