package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/setup"
)

// Every client calls the endpoint that AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE> or a profile names, and no other.
// An endpoint of the configuration takes precedence over all of these.
func TestEveryAWSClientCallsTheConfiguredEndpoint(t *testing.T) {
	services := []string{"SQS", "SNS", "SFN", "STS", "LAMBDA", "CODEPIPELINE", "SESV2", "EVENTBRIDGE", "DYNAMODB", "S3", "KMS", "SECRETS_MANAGER"}
	require.Len(t, clientsOf(nil, parsedClients(t, config.AWS{}, setup.AWS{})), len(services))
	for name, prepare := range map[string]func(t *testing.T, right, wrong string) (config.AWS, setup.AWS){
		"AWS_ENDPOINT_URL": func(t *testing.T, right, _ string) (config.AWS, setup.AWS) {
			t.Helper()
			t.Setenv("AWS_ENDPOINT_URL", right)
			return config.AWS{}, setup.AWS{}
		},
		"AWS_ENDPOINT_URL_<SERVICE>": func(t *testing.T, right, wrong string) (config.AWS, setup.AWS) {
			t.Helper()
			t.Setenv("AWS_ENDPOINT_URL", wrong)
			for _, service := range services {
				t.Setenv("AWS_ENDPOINT_URL_"+service, right)
			}
			return config.AWS{}, setup.AWS{}
		},
		"endpoint_url of a profile": func(t *testing.T, right, _ string) (config.AWS, setup.AWS) {
			t.Helper()
			writeProfile(t, "endpoint_url = "+right)
			return config.AWS{}, setup.AWS{}
		},
		"aws.endpoint": func(t *testing.T, right, wrong string) (config.AWS, setup.AWS) {
			t.Helper()
			writeProfile(t, "endpoint_url = "+wrong)
			t.Setenv("AWS_ENDPOINT_URL", wrong)
			for _, service := range services {
				t.Setenv("AWS_ENDPOINT_URL_"+service, wrong)
			}
			return config.AWS{Endpoint: right}, setup.AWS{}
		},
		"the endpoint of a target": func(t *testing.T, right, wrong string) (config.AWS, setup.AWS) {
			t.Helper()
			t.Setenv("AWS_ENDPOINT_URL", wrong)
			t.Setenv("AWS_ENDPOINT_URL_SQS", wrong)
			return config.AWS{Endpoint: wrong}, setup.AWS{Endpoint: right}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rightCalls, right := countingServer(t)
			wrongCalls, wrong := countingServer(t)
			shared, place := prepare(t, right, wrong)
			clients := clientsOf(nil, parsedClients(t, shared, place))
			for i, operation := range AWSOperations() {
				id, method, _ := strings.Cut(operation, ".")
				callMethod(t, clients[id], method)
				require.EqualValues(t, i+1, rightCalls.Load(), operation)
			}
			if place.Endpoint == "" {
				callOwnClients(t, newTestClients(t, shared))
				require.EqualValues(t, len(AWSOperations())+3, rightCalls.Load())
			}
			require.Zero(t, wrongCalls.Load())
		})
	}
}

// callOwnClients makes a call with each client that package app makes for itself.
func callOwnClients(t *testing.T, c *awsClients) {
	t.Helper()
	api, err := c.sqsAPI()
	require.NoError(t, err)
	callMethod(t, api, "GetQueueUrl")
	require.Error(t, c.subscribe(t.Context(), "arn:aws:sns:eu-west-1:111122223333:T", "q"))
	require.Error(t, c.confirm(t.Context(), "arn:aws:sns:eu-west-1:111122223333:T", "token"))
}

// countingServer starts a server that denies every call and counts them.
func countingServer(t *testing.T) (calls *atomic.Int32, url string) {
	t.Helper()
	calls = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(s.Close)
	return calls, s.URL
}

func newTestClients(t *testing.T, shared config.AWS) *awsClients {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	shared.Region = "eu-west-1"
	return newAWSClients(t.Context(), shared, metrics.New(prometheus.NewRegistry(), metrics.Config{AWSOperations: AWSOperations()}),
		slog.New(slog.DiscardHandler))
}

// parsedClients returns the SDK's configuration for a place.
func parsedClients(t *testing.T, shared config.AWS, place setup.AWS) aws.Config {
	t.Helper()
	cfg, err := newTestClients(t, shared).configFor(place)
	require.NoError(t, err)
	return cfg
}

func writeProfile(t *testing.T, line string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "[profile p]\n%s\n", line), 0o600))
	t.Setenv("AWS_CONFIG_FILE", path)
	t.Setenv("AWS_PROFILE", "p")
}

// Every call of a NewFromConfig in the program is of a service that the tests of clients know, and no client but
// setEndpoint sets an endpoint of its own.
func TestClientsOfTheProgramAreKnown(t *testing.T) {
	t.Parallel()
	known := clientsOf(nil, aws.Config{})
	delete(known, "S3")                                       // its client is our own
	readers := []string{"../s3/caller.go", "../app/clock.go"} // they read it, as the SDK does
	found := map[string]bool{}
	for _, path := range programFiles(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		services := servicesOf(t, file)
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if place := filepath.ToSlash(path); selector.Sel.Name == "BaseEndpoint" && !slices.Contains(readers, place) {
				require.Equal(t, "../app/aws.go", place, "only setEndpoint sets an endpoint")
			}
			of, ok := selector.X.(*ast.Ident)
			if service := services[nameOf(of, ok)]; service != "" && (selector.Sel.Name == "NewFromConfig" || selector.Sel.Name == "New") {
				require.Equal(t, "NewFromConfig", selector.Sel.Name, path)
				found[service] = true
			}
			return true
		})
	}
	require.Len(t, found, len(known), "services with a client in the program: %v", found)
}

func nameOf(ident *ast.Ident, ok bool) string {
	if !ok {
		return ""
	}
	return ident.Name
}

// servicesOf returns the packages of AWS services that a file imports, by the name that the file gives them.
func servicesOf(t *testing.T, file *ast.File) map[string]string {
	t.Helper()
	services := map[string]string{}
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		require.NoError(t, err)
		service, ok := strings.CutPrefix(path, "github.com/aws/aws-sdk-go-v2/service/")
		if !ok || strings.Contains(service, "/") {
			continue
		}
		name := service
		if i.Name != nil {
			name = i.Name.Name
		}
		services[name] = service
	}
	return services
}

// programFiles returns the Go files of the program, without tests and their helpers.
func programFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		skipped := []string{"test", "examples", "scripts", "docs", "deploy"}
		if d.IsDir() {
			for _, name := range skipped {
				if path == filepath.Join("..", name) {
					return fs.SkipDir
				}
			}
			if strings.HasSuffix(d.Name(), "test") && path != ".." {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return nil
	}))
	require.Greater(t, len(files), 200)
	return files
}
