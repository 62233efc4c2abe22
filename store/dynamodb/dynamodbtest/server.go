// Package dynamodbtest runs AWS's DynamoDB Local for tests. scripts/need-tools fetches it into the user's cache,
// because it must not be part of this repository or of the program.
package dynamodbtest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// ErrMissing is returned if this machine lacks DynamoDB Local or a program that it needs.
var ErrMissing = errors.New("DynamoDB Local, Java or a C compiler is missing: see scripts/need-tools")

//go:embed testdata/loopback.c
var loopbackSource []byte

// startLimit is for a server that hangs: beside many others on a small machine, a start takes more than a minute.
const startLimit = 5 * time.Minute

// Server is a running DynamoDB Local. It keeps its tables in memory.
type Server struct {
	URL     string
	command *exec.Cmd
	alive   io.Closer // standard input of the process, which ends when it is closed
	dir     string
}

// Start starts a server on a port of the loopback interface.
func Start(ctx context.Context) (*Server, error) {
	jar, err := findJar()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dynamolocal")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.startProcess(ctx, jar); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// findJar returns the path of the jar in the user's cache.
func findJar() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	jar := filepath.Join(cache, "approval-relay", "amplify-dynamodb-simulator-2.9.30", "package", "emulator", "DynamoDBLocal.jar")
	if _, err := os.Stat(jar); err != nil {
		return "", ErrMissing
	}
	for _, tool := range []string{"java", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", ErrMissing
		}
	}
	return jar, nil
}

func (s *Server) startProcess(ctx context.Context, jar string) error {
	shim := filepath.Join(s.dir, "loopback.so")
	compile := exec.CommandContext(ctx, "gcc", "-shared", "-fPIC", "-o", shim, "-x", "c", "-", "-ldl") //nolint:gosec // a folder of our own
	compile.Stdin = bytes.NewReader(loopbackSource)
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("compile: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.URL = "http://127.0.0.1:" + port
	// The shell kills the server when the standard input of the shell ends: at Stop, or when the test process ends.
	s.command = exec.Command("sh", "-c", `"$@" & read -r _; kill -9 $!; wait`, "sh", //nolint:gosec // arguments of our own
		"java", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.net.preferIPv4Stack=true",
		"-Djava.library.path="+filepath.Join(filepath.Dir(jar), "DynamoDBLocal_lib"),
		"-jar", jar, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", port)
	s.command.Env = append(os.Environ(), "LD_PRELOAD="+shim)
	s.command.Dir = filepath.Dir(jar)
	if s.alive, err = s.command.StdinPipe(); err != nil {
		return err
	}
	if err := s.command.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	client := dynamodb.NewFromConfig(s.Config())
	for {
		_, err := client.ListTables(ctx, &dynamodb.ListTablesInput{})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("DynamoDB Local does not answer: %w", err)
		}
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// Config returns a configuration of the SDK for the server.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       "eu-central-1",
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// Stop stops the server and removes its files.
func (s *Server) Stop() error {
	if s.alive != nil {
		_ = s.alive.Close()
		_ = s.command.Wait() // it was killed, so its error is expected
	}
	return os.RemoveAll(s.dir)
}
