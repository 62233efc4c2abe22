package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/clock"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/postgres"
)

// A clock follows one reference: AWS where a worker calls it often, or else the server of its store. A call to AWS for a
// mail then leaves the clock alone.
func TestClockHasOneReference(t *testing.T) {
	t.Parallel()
	queue := &sqs.Settings{}
	for name, c := range map[string]struct {
		config    config.Config
		wantStore bool
	}{
		"SQLite":     {config.Config{}, false},
		"DynamoDB":   {config.Config{Store: config.Store{DynamoDB: &dynamodb.Settings{}}}, false},
		"PostgreSQL": {config.Config{Store: config.Store{Postgres: &postgres.Settings{}}}, true},
		"requests": {config.Config{
			Store:     config.Store{Postgres: &postgres.Settings{}},
			Workflows: map[string]config.Workflow{"w": {Requests: config.Requests{SQS: queue}}},
		}, false},
		"decisions": {config.Config{
			Store:     config.Store{Postgres: &postgres.Settings{}},
			Decisions: map[string]config.Decision{"d": {}},
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New(prometheus.NewRegistry(), metrics.Config{AWSOperations: AWSOperations()})
			a := &App{config: &c.config, metrics: m, clock: clock.New(clock.Config{Log: slog.New(slog.DiscardHandler), Observer: m})}
			a.newAWSObserver().ClockSkew(time.Minute, 0)
			ahead := time.Since(a.clock.Now())
			if c.wantStore {
				require.Less(t, ahead, 30*time.Second)
			} else {
				require.Greater(t, ahead, 30*time.Second)
			}
		})
	}
}
