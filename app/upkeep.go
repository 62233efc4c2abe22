package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/gate"
	"github.com/approval-relay/approval-relay/store/postgres"
	"github.com/approval-relay/approval-relay/store/sqlite"
	"github.com/approval-relay/approval-relay/upkeep"
)

// OpenStore opens the store of a configuration while no worker uses it. It does not update its schema. With toFill, it
// makes the store if it does not exist, and also opens one that a migration has not completed.
func OpenStore(ctx context.Context, c *config.Config, sealer store.Sealer, toFill bool, log *slog.Logger) (upkeep.Store, error) {
	switch table := c.Store.DynamoDB; {
	case c.Store.Memory:
		return nil, errors.New("store.memory is set: the store of this configuration is in the memory of its worker")
	case table != nil:
		aws, err := newAWSClients(ctx, c.AWS, unobserved{}, log).configFor(setup.AWS{Region: table.Region, Endpoint: table.Endpoint})
		if err != nil {
			return nil, err
		}
		settings := *table
		settings.Create = table.Create && toFill
		s, err := dynamodb.Open(ctx, dynamodb.Config{
			Settings:    settings,
			AWS:         aws,
			Sealer:      sealer,
			KeepVersion: true,
			Import:      toFill,
			Moved:       !toFill,
		})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	if database := c.Store.Postgres; database != nil {
		conf, err := postgresConfig(newAWSClients(ctx, c.AWS, unobserved{}, log), database)
		if err != nil {
			return nil, err
		}
		conf.Sealer = sealer
		conf.KeepSchema = true
		conf.Import = toFill
		conf.Moved = !toFill
		s, err := postgres.Open(ctx, conf)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	return OpenFile(ctx, c.Store.SQLite, sealer, toFill)
}

// LiveTimes returns the times that workers need to obey the controls of a migration.
func LiveTimes() *upkeep.Live {
	return &upkeep.Live{
		Settle: actionLease + 5*time.Second, // workers look at the controls every two seconds
		Trust:  gate.Trust + time.Second,
	}
}

// CompactFile writes the SQLite file of a stopped worker anew, and returns its sizes before and after.
func CompactFile(ctx context.Context, path string) (before, after int64, err error) {
	return sqlite.Compact(ctx, path)
}

// OpenFile opens a SQLite store as OpenStore does.
func OpenFile(ctx context.Context, path string, sealer store.Sealer, toFill bool) (upkeep.Store, error) {
	if _, err := os.Stat(path); err != nil && !toFill { // SQLite would make a new file
		return nil, fmt.Errorf("open store: %w", err)
	}
	s, err := sqlite.Open(ctx, sqlite.Config{
		Path:       path,
		Sealer:     sealer,
		KeepSchema: true,
		Import:     toFill,
		Moved:      !toFill,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenKeys gets the keys of a configuration from their place. It makes none.
func OpenKeys(ctx context.Context, c *config.Config, log *slog.Logger) (*keys.Ring, error) {
	k := c.Keys
	if k.Env == "" && k.SecretsManager == nil && k.KMS == nil {
		return keys.LoadFile(k.File)
	}
	a := &App{config: c, log: log, aws: newAWSClients(ctx, c.AWS, unobserved{}, log)}
	return a.openKeys(ctx)
}

// unobserved does not observe calls.
type unobserved struct{}

// AWSCalled implements outbound.Observer.
func (unobserved) AWSCalled(string, string) {}

// ClockSkew implements outbound.Observer.
func (unobserved) ClockSkew(time.Duration, time.Duration) {}
