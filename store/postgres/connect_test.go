package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
)

// newConfigOn returns the configuration of a store on a server that the URL names.
func newConfigOn(url string) Config {
	c := Config{Settings: Settings{URL: secret.New(url), Connections: 2}, Sealer: keys.NewRing(time.Now()), RetryFor: time.Nanosecond}
	c.SetDefaults(setup.Common{})
	return c
}

// TestTLS connects with and without the right authority and the right name: only a certificate that passes both checks is
// accepted by verify-full.
func TestTLS(t *testing.T) {
	t.Parallel()
	own := postgrestest.Run(t, postgrestest.Options{TLS: true})
	another := postgrestest.Run(t, postgrestest.Options{TLS: true})
	_, port, err := net.SplitHostPort(own.Address)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		tls      TLS
		ca, host string
		want     string // of the error
	}{
		"accepted":           {TLSVerify, own.CertificateFile(), "127.0.0.1", ""},
		"unknown authority":  {TLSVerify, "", "127.0.0.1", "certificate signed by unknown authority"},
		"another authority":  {TLSVerify, another.CertificateFile(), "127.0.0.1", "certificate signed by unknown authority"},
		"another name":       {TLSVerify, own.CertificateFile(), "localhost", "wanted to match localhost"},
		"encrypted only":     {TLSRequire, "", "localhost", ""},
		"no encryption":      {TLSNone, "", "127.0.0.1", ""},
		"no certificates":    {TLSVerify, own.CertificateFile() + ".not", "127.0.0.1", "read ca"},
		"not a certificate":  {TLSVerify, "connect.go", "127.0.0.1", "connect.go has no certificate"},
		"the second of two":  {TLSVerify, own.CertificateFile(), "127.0.0.1:1,127.0.0.1", ""},
		"the name of either": {TLSVerify, own.CertificateFile(), "127.0.0.1:1,localhost", "wanted to match localhost"},
	} {
		c := newConfigOn("postgres://relay@" + test.host + ":" + port + "/relay")
		c.TLS, c.CA = test.tls, test.ca
		s, err := Open(t.Context(), c)
		if test.want != "" {
			require.ErrorContains(t, err, test.want, name)
			continue
		}
		require.NoError(t, err, name)
		var encrypted bool
		require.NoError(t, s.queryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", nil, &encrypted), name)
		require.Equal(t, test.tls != TLSNone, encrypted, name)
		require.NoError(t, s.Close(), name)
	}
}

// TestTLSIsNeverGivenUp connects to a server without TLS: there is no connection without encryption instead.
func TestTLSIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	for _, mode := range []TLS{TLSVerify, TLSRequire} {
		c := newConfig(t)
		c.TLS = mode
		_, err := Open(t.Context(), c)
		require.ErrorContains(t, err, "server refused TLS connection")
	}
}

// tokens signs in with numbered tokens, as IAM does.
type tokens struct {
	mu       sync.Mutex
	made     int
	address  string
	user     string
	password func(n int) string
	err      error
}

func (k *tokens) next(_ context.Context, address, user string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.made++
	k.address, k.user = address, user
	return k.password(k.made), k.err
}

// TestTokenOfEachConnection signs in with tokens: each new connection has one of its own, so that a connection that is made
// after the first token has ended needs the next one.
func TestTokenOfEachConnection(t *testing.T) {
	t.Parallel()
	const first, second = "canary-token-1", "canary-token-2"
	own := postgrestest.Run(t, postgrestest.Options{TLS: true})
	own.AddGuest(t, first)
	own.Execute(t, "GRANT ALL ON DATABASE relay TO guest")
	valid := first
	k := &tokens{password: func(int) string { return valid }}
	c := newConfigOn("postgres://guest@" + own.Address + "/relay")
	c.TLS, c.CA, c.Token = TLSVerify, own.CertificateFile(), k.next
	c.RetryFor = 0 // the default
	s := open(t, c)
	require.NoError(t, s.Update(t.Context(), "o", addVote("first")))
	require.Equal(t, own.Address, k.address)
	require.Equal(t, "guest", k.user)

	made := k.made
	own.Execute(t, "ALTER ROLE guest PASSWORD '"+second+"'")
	require.NoError(t, s.Update(t.Context(), "o", addVote("of an open connection")))
	k.mu.Lock()
	valid = second
	k.mu.Unlock()
	own.Execute(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'")
	require.NoError(t, s.Update(t.Context(), "o", addVote("of a new connection")))
	require.Greater(t, k.made, made)

	k.err = errors.New("no credentials")
	_, err := Open(t.Context(), c)
	require.ErrorContains(t, err, "no credentials")
	k.err = nil
	valid = first
	_, err = Open(t.Context(), c)
	require.ErrorContains(t, err, "password authentication failed")
	require.NotContains(t, err.Error(), first)
}

// TestCommitsWaitForTheDisk reads the setting with which transactions commit: that of an update is the server's, also in a
// transaction with unsynced updates; only unsynced updates alone do not wait, and a following update waits again.
func TestCommitsWaitForTheDisk(t *testing.T) {
	t.Parallel()
	s := open(t, newConfig(t))
	mustExec(t, s, "CREATE TABLE relay.commits (id bytea, setting text)")
	mustExec(t, s, `CREATE FUNCTION relay.observe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO relay.commits VALUES (NEW.id, current_setting('synchronous_commit')); RETURN NULL; END $$`)
	// A deferred trigger runs at the commit.
	mustExec(t, s, `CREATE CONSTRAINT TRIGGER observe AFTER INSERT OR UPDATE ON relay.orders DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION relay.observe()`)
	settings := func(id string) (all []string) {
		all, err := queryAll(t.Context(), s, pgx.RowTo[string], "SELECT setting FROM relay.commits WHERE id = $1", []byte(id))
		require.NoError(t, err)
		return all
	}
	require.NoError(t, s.Update(t.Context(), "o", addVote("1")))
	require.NoError(t, s.UpdateUnsynced(t.Context(), "o", addVote("2")))
	require.NoError(t, s.Update(t.Context(), "o", addVote("3")))
	require.Equal(t, []string{"on", "off", "on"}, settings("o"))

	var all []*update
	l := &lane{lanes: s.lanes}
	b := &batch{lane: l, store: s}
	for _, id := range []string{"a", "b", "c"} {
		u := s.newUpdate(t.Context(), id, addVote("v"))
		u.unsynced = id != "b"
		u.result = make(chan outcome, 1)
		b.add(u)
		all = append(all, u)
	}
	l.commit(b)
	for _, u := range all {
		require.NoError(t, (<-u.result).deliver())
	}
	require.Equal(t, []string{"on"}, settings("a"))
	require.Equal(t, []string{"on"}, settings("b"))
	require.Equal(t, []string{"on"}, settings("c"))

	_, err := s.Claim(t.Context(), start.Add(24*time.Hour), 10, time.Minute)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), "b", addVote("after a claim")))
	require.Equal(t, "on", settings("b")[len(settings("b"))-1])
}
