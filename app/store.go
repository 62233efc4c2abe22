package app

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"

	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/memory"
	"github.com/approval-relay/approval-relay/store/postgres"
	"github.com/approval-relay/approval-relay/store/sqlite"
)

// openStore opens the store that the configuration names.
func (a *App) openStore(ctx context.Context) (orderStore, error) {
	if a.config.Store.Memory {
		a.log.Warn("orders are kept in memory only")
		return memory.New(), nil
	}
	observe := func(updates int, took time.Duration, err error) {
		a.metrics.CommitEnded(updates, took, err)
		if err != nil {
			a.lastFailure.Store(a.clock.Now().UnixNano())
		}
	}
	if table := a.config.Store.DynamoDB; table != nil {
		aws, err := a.aws.configFor(setup.AWS{Region: table.Region, Endpoint: table.Endpoint})
		if err != nil {
			return nil, err
		}
		return asOrderStore(dynamodb.Open(ctx, dynamodb.Config{
			Settings: *table,
			AWS:      aws,
			Sealer:   a.ring,
			Observe:  func(c dynamodb.Commit) { observe(1, c.Took, c.Err) },
			ObserveCall: func(c dynamodb.Call) {
				a.metrics.TableCalled(c.Read, c.Written, c.IsConflict)
			},
		}))
	}
	if database := a.config.Store.Postgres; database != nil {
		conf, err := postgresConfig(a.aws, database)
		if err != nil {
			return nil, err
		}
		conf.Sealer = a.ring
		conf.Observe = func(c postgres.Commit) { observe(c.Updates, c.Took, c.Err) }
		return asOrderStore(postgres.Open(ctx, conf))
	}
	s, err := sqlite.Open(ctx, sqlite.Config{
		Path:            a.config.Store.SQLite,
		Sealer:          a.ring,
		Observe:         func(c sqlite.Commit) { observe(c.Updates, c.Took, c.Err) },
		Now:             a.clock.Now,
		SkipUpgradeCopy: a.config.Store.SkipUpgradeCopy,
	})
	if err == nil && s.UpgradeCopy() != "" {
		a.log.Info("the schema of the store was updated; the copy from before is kept", "copy", s.UpgradeCopy())
	}
	return asOrderStore(s, err)
}

// postgresConfig returns the configuration of a database. With IAM, each new connection gets a token of its own, which is
// valid for 15 minutes: it is only needed to sign in.
func postgresConfig(clients *awsClients, database *postgres.Settings) (postgres.Config, error) {
	conf := postgres.Config{Settings: *database}
	if database.IAM == nil {
		return conf, nil
	}
	cfg, err := clients.configFor(setup.AWS{Region: database.IAM.Region})
	if err != nil {
		return conf, err
	}
	conf.Token = func(ctx context.Context, address, user string) (string, error) {
		return auth.BuildAuthToken(ctx, address, cfg.Region, user, cfg.Credentials)
	}
	return conf, nil
}

// asOrderStore returns the store, or a nil interface beside an error. A nil pointer in an interface would not be nil.
func asOrderStore[S orderStore](s S, err error) (orderStore, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// backups returns the store if it makes copies of itself, or nil.
func (a *App) backups() store.BackupMaker {
	maker, _ := a.inner.(store.BackupMaker)
	return maker
}
