package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// RunPooler starts PgBouncer in transaction mode before a server, or skips the test if PgBouncer is missing. It returns
// the URL of the database through it. The pooler ends with the test.
func RunPooler(tb testing.TB, s *Server) (url string) {
	tb.Helper()
	program, err := findPooler()
	if err != nil {
		tb.Skip("PgBouncer is missing: see scripts/need-tools")
	}
	address, err := freeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.startPooler(tb, program, address); err != nil {
		tb.Fatal(err)
	}
	url = "postgres://relay@" + address + "/relay"
	if err := waitForPooler(tb.Context(), url); err != nil {
		tb.Fatal(err)
	}
	return url
}

func findPooler() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/pgbouncer")
}

// startPooler starts the process. Five connections to the server serve all clients, so that transactions of a client
// run on different connections.
func (s *Server) startPooler(tb testing.TB, program, address string) error {
	tb.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	serverHost, serverPort, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	config := filepath.Join(s.dir, "pooler"+port+".ini")
	text := fmt.Sprintf(`[databases]
relay = host=%s port=%s user=relay
[pgbouncer]
listen_addr = %s
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 1000
`, serverHost, serverPort, host, port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil { //nolint:gosec // another user reads it
		return err
	}
	// The shell ends the pooler when the standard input of the shell ends.
	c := s.newCommand(context.WithoutCancel(tb.Context()), "sh", "-c", `"$@" >>pooler.log 2>&1 & read -r _; kill -9 $!; wait`, "sh",
		program, "-q", config)
	alive, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	tb.Cleanup(func() {
		_ = alive.Close()
		_ = c.Wait() // it was killed, so its error is expected
	})
	return nil
}

func waitForPooler(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, url)
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(errors.New("PgBouncer does not answer"), err)
		}
	}
}
