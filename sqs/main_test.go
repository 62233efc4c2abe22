package sqs_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/sqs"
)

// goaws is the endpoint of the emulator that all tests of the package share.
var goaws string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "goawsd")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "goawsd")
	// goaws runs in a process of its own, because the race detector reports races in it.
	build := exec.Command("go", "build", "-o", bin, "github.com/approval-relay/approval-relay/test/internal/goawsd")
	if out, err := build.CombinedOutput(); err != nil {
		return complain(fmt.Errorf("%w: %s", err, out))
	}
	server := exec.Command(bin)
	stdin, err := server.StdinPipe() // it ends when this closes, which it does if we die
	if err != nil {
		return complain(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		return complain(err)
	}
	if err := server.Start(); err != nil {
		return complain(err)
	}
	defer func() {
		_ = stdin.Close()
		_ = server.Wait()
	}()
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return complain(err)
	}
	goaws = "http://" + strings.TrimSpace(address)
	return m.Run()
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "start goaws:", err)
	return 1
}

// client returns the SDK's client of an emulator.
func client(tb testing.TB, endpoint string) *awssqs.Client {
	tb.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library's
	transport.MaxIdleConnsPerHost = 100
	tb.Cleanup(transport.CloseIdleConnections)
	return awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{Transport: sqs.BufferedBody(transport), Timeout: time.Minute},
	})
}
