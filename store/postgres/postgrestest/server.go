// Package postgrestest runs private PostgreSQL servers for tests. scripts/need-tools installs PostgreSQL on Debian.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing is returned if this machine lacks PostgreSQL, or a user for it: PostgreSQL refuses to run as root.
var ErrMissing = errors.New("PostgreSQL is missing: see scripts/need-tools")

// startLimit is for a server that hangs: beside many others on a small machine, a start takes more than a minute.
const startLimit = 5 * time.Minute

// Options are the options of a server.
type Options struct {
	// Fsync makes commits wait for the disk, as in production. Without it, tests are faster.
	Fsync bool
	// Settings are further settings, such as "max_connections=20".
	Settings []string
	// TLS makes the server accept TLS too, with the certificate in CertificateFile.
	TLS bool
}

// Server is a running server with the database "relay" of the user "relay", who signs in without a password.
type Server struct {
	// Address is the host and port of the server. They stay the same after a restart.
	Address string

	options Options
	bin     string // the folder of PostgreSQL's programs
	dir     string
	owner   *syscall.Credential // nil if this process does not run as root
	command *exec.Cmd
	alive   io.Closer // standard input of the shell, which ends the server when it is closed
}

// Start starts a server on a port of the loopback interface.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{options: o}
	var err error
	if s.bin, err = findPrograms(); err != nil {
		return nil, err
	}
	if s.owner, err = findOwner(); err != nil {
		return nil, err
	}
	if s.Address, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "postgres"); err != nil {
		return nil, err
	}
	err = s.initialise(ctx)
	if err == nil {
		err = s.Launch(ctx)
	}
	if err == nil {
		err = s.createDatabase(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Run starts a server for a test, or skips the test if PostgreSQL is missing. The server is stopped at the end of the test.
func Run(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := Start(tb.Context(), o)
	if errors.Is(err, ErrMissing) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Stop() })
	return s
}

// findPrograms returns the folder with the programs of the newest installed version.
func findPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian has the server's programs outside of PATH
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.Max(found)), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", ErrMissing
}

// findOwner returns the user to run PostgreSQL as, if this process runs as root.
func findOwner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, ErrMissing
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// initialise makes the files of the server.
func (s *Server) initialise(ctx context.Context) error {
	if s.owner != nil {
		if err := os.Chown(s.dir, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			return err
		}
	}
	if s.options.TLS {
		if err := s.writeCertificate(); err != nil {
			return err
		}
	}
	initdb := s.newCommand(ctx, filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--auth=trust", "--username=relay",
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) newCommand(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is for the test
	if s.owner != nil {
		c.SysProcAttr.Credential = s.owner
	}
	return c
}

// Launch starts the process of a server that was killed, and waits until it answers.
func (s *Server) Launch(ctx context.Context) error {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	settings := []string{"listen_addresses=" + host, "port=" + port, "unix_socket_directories=", "max_connections=100",
		"fsync=" + onOff(s.options.Fsync), "ssl=" + onOff(s.options.TLS)}
	if s.options.TLS {
		settings = append(settings, "ssl_cert_file="+s.CertificateFile(), "ssl_key_file="+s.keyFile())
	}
	// The shell ends the server when the standard input of the shell ends: at Stop, or when the test process ends.
	args := []string{"-c", `"$@" >>server.log 2>&1 & read -r _; kill -QUIT $!; wait`, "sh",
		filepath.Join(s.bin, "postgres"), "-D", s.data()}
	for _, setting := range append(settings, s.options.Settings...) {
		args = append(args, "-c", setting)
	}
	s.command = s.newCommand(context.WithoutCancel(ctx), "sh", args...)
	if s.alive, err = s.command.StdinPipe(); err != nil {
		return err
	}
	if err := s.command.Start(); err != nil {
		return err
	}
	return s.wait(ctx)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// wait waits until the server answers.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, s.urlOf("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			text, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, text)
		}
	}
}

func (s *Server) createDatabase(ctx context.Context) error {
	c, err := pgx.Connect(ctx, s.urlOf("postgres"))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "CREATE DATABASE relay")
	return errors.Join(err, c.Close(ctx))
}

func (s *Server) urlOf(database string) string {
	return "postgres://relay@" + s.Address + "/" + database
}

// URL returns the URL of the database.
func (s *Server) URL() string { return s.urlOf("relay") }

// CertificateFile returns the path of the server's certificate, the only certificate of its authority.
func (s *Server) CertificateFile() string { return filepath.Join(s.dir, "server.crt") }

func (s *Server) keyFile() string { return filepath.Join(s.dir, "server.key") }

// PID returns the process ID of the server.
func (s *Server) PID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// Kill kills all processes of the server at once, as a loss of power would, and returns after they have ended. Launch
// starts it again.
func (s *Server) Kill() error {
	pid, err := s.PID()
	if err != nil {
		return err
	}
	children, err := childrenOf(pid)
	if err != nil {
		return err
	}
	for _, p := range append([]int{pid}, children...) {
		_ = syscall.Kill(p, syscall.SIGKILL) // it may have ended already
	}
	return s.end(children)
}

// childrenOf returns the IDs of the processes that a process has started.
func childrenOf(parent int) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // of /proc
		if err != nil {
			continue // it has ended
		}
		// The name of the process is in parentheses; its state and the ID of its parent follow.
		rest := string(text[strings.LastIndexByte(string(text), ')')+1:])
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return nil, err
			}
			children = append(children, pid)
		}
	}
	return children, nil
}

// end ends the shell, which ends the server, and waits for the end of these other processes too.
func (s *Server) end(others []int) error {
	_ = s.alive.Close()
	_ = s.command.Wait() // it was killed, so its error is expected
	for range 1000 {
		if !slices.ContainsFunc(others, func(pid int) bool { return syscall.Kill(pid, 0) == nil }) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("a process of PostgreSQL does not end")
}

// Stop stops the server and removes its files.
func (s *Server) Stop() error {
	var err error
	if s.command != nil && s.command.Process != nil && s.command.ProcessState == nil {
		err = s.end(nil)
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
