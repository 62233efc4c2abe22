package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The time limits of a connection.
const (
	connectTimeout = 5 * time.Second
	// connectionLife bounds the age of a connection: after a cluster has moved, its old members are left by then.
	connectionLife = time.Hour
)

// parseURL returns the configuration of the pool, without TLS and sign-in.
func parseURL(s *Settings) (*pgxpool.Config, error) {
	u, err := url.Parse(s.URL.Reveal())
	if err != nil {
		return nil, errors.New("its URL is not valid")
	}
	q := u.Query()
	q.Set("sslmode", "disable") // see setTLS; without it, a client falls back to connections without encryption
	u.RawQuery = q.Encode()
	c, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, errors.New("its URL has a part that PostgreSQL's clients do not know") // the error may quote it
	}
	return c, nil
}

// newPool returns a pool of connections that are made when they are needed.
func (s *Store) newPool(ctx context.Context) (*pgxpool.Pool, error) {
	c, err := parseURL(&s.config.Settings)
	if err != nil {
		return nil, err
	}
	if !s.config.Password.IsZero() {
		c.ConnConfig.Password = s.config.Password.Reveal()
	}
	if err := s.setTLS(c.ConnConfig); err != nil {
		return nil, err
	}
	c.MaxConns = int32(s.config.Connections) // at most 500
	c.MaxConnLifetime = connectionLife
	c.MaxConnLifetimeJitter = connectionLife / 10
	c.ConnConfig.ConnectTimeout = connectTimeout
	c.ConnConfig.RuntimeParams["application_name"] = "approval-relay"
	if token := s.config.Token; token != nil {
		c.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) (err error) {
			cc.Password, err = token(ctx, net.JoinHostPort(cc.Host, strconv.Itoa(int(cc.Port))), cc.User)
			return err
		}
	}
	c.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerByteArray(conn.TypeMap())
		s.late.suspect() // the connection may be the first one to a server that has crashed
		return nil
	}
	// A cluster has a single member that writes. Servers in recovery refuse writes, and so do connections to a primary
	// of old.
	c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	if err := s.chooseMode(ctx, c); err != nil {
		return nil, err
	}
	return pgxpool.NewWithConfig(ctx, c)
}

// chooseMode finds out whether a pooler, such as PgBouncer, is between this program and the database. The pooler may run each
// transaction on another connection, without the prepared statements. Then statements are sent as a whole each time. That
// takes more of the database's time. A pooler shows itself by its process ID: it differs from the server's.
func (s *Store) chooseMode(ctx context.Context, c *pgxpool.Config) error {
	if c.ConnConfig.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement { // the URL has default_query_exec_mode
		return nil
	}
	probe := c.ConnConfig.Copy()
	if c.BeforeConnect != nil {
		if err := c.BeforeConnect(ctx, probe); err != nil {
			return err
		}
	}
	probe.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, probe)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() {
		c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		return nil
	}
	maps.Copy(c.ConnConfig.RuntimeParams, plannerSettings())
	return nil
}

// plannerSettings returns the settings that make the server plan each prepared statement once, and not for every call: to
// plan takes longer than to run. The plan must then be right for tables of any size. All statements are made for the indexes,
// so that the other kinds of plans are excluded; a plan that was made for empty tables would otherwise read whole tables.
func plannerSettings() map[string]string {
	return map[string]string{
		"plan_cache_mode":  "force_generic_plan",
		"enable_seqscan":   "off",
		"enable_hashjoin":  "off",
		"enable_mergejoin": "off",
		"jit":              "off",
	}
}

// setTLS sets the encryption of the connections to all hosts.
func (s *Store) setTLS(c *pgx.ConnConfig) error {
	if s.config.TLS == TLSNone {
		return nil
	}
	base := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.config.TLS == TLSRequire {
		base.InsecureSkipVerify = true // the setting says so
	}
	if s.config.CA != "" {
		text, err := os.ReadFile(s.config.CA)
		if err != nil {
			return fmt.Errorf("read ca: %w", err)
		}
		base.RootCAs = x509.NewCertPool()
		if !base.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("read ca: %s has no certificate", s.config.CA)
		}
	}
	if s.config.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.config.Certificate, s.config.Key)
		if err != nil {
			return fmt.Errorf("read certificate: %w", err)
		}
		base.Certificates = []tls.Certificate{pair}
	}
	c.TLSConfig = tlsFor(base, c.Host)
	for _, f := range c.Fallbacks {
		f.TLSConfig = tlsFor(base, f.Host)
	}
	return nil
}

// tlsFor returns the configuration for a host: its name is the name in the certificate.
func tlsFor(base *tls.Config, host string) *tls.Config {
	c := base.Clone()
	c.ServerName = host
	return c
}
