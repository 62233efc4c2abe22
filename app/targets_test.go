package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/clock"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
)

// parseConfig reads a configuration that must be without faults.
func parseConfig(t *testing.T, text string) *config.Config {
	t.Helper()
	c, _, err := config.Parse("relay.yaml", []byte(text), func(string) string { return "a value of enough bytes" })
	require.NoError(t, err)
	return c
}

// openTestTargets opens the targets of a configuration.
func openTestTargets(t *testing.T, reg *prometheus.Registry, text string) map[string]callback.Target {
	t.Helper()
	c := parseConfig(t, text)
	opened, err := appOf(t, reg, c).openTargets(c, nil)
	require.NoError(t, err)
	return opened.byName
}

// appOf returns an App of which only the outputs are wired.
func appOf(t *testing.T, reg *prometheus.Registry, c *config.Config) *App {
	t.Helper()
	m := metrics.New(reg, metricNames(c))
	return &App{
		config:   c,
		metrics:  m,
		log:      slog.New(slog.DiscardHandler),
		limiters: limiters{},
		clock:    clock.New(clock.Config{Log: slog.New(slog.DiscardHandler), Observer: m}),
		aws:      newAWSClients(t.Context(), c.AWS, m, slog.New(slog.DiscardHandler)),
	}
}

// The circuit breaker of a host of callback URLs that is down affects no other host.
func TestOneHostThatIsDownAffectsNoOther(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	targets := openTestTargets(t, reg, `targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allow_http: true, allow_internal: true}}}`)

	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer down.Close()
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer fast.Close()
	answer := func(url string) approval.Answer {
		return approval.Answer{OrderID: "A-1", ApprovalID: "1", Token: approval.NewToken(url), Status: approval.Approved, ClosedAt: time.Now()}
	}

	for range 10 {
		require.Error(t, targets["http"].Deliver(t.Context(), answer(down.URL)))
	}
	require.NoError(t, targets["http"].Deliver(t.Context(), answer(fast.URL)))
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`# HELP approval_relay_circuit_breakers_open Open circuit breakers of a target: its AWS API, or hosts of its callback URLs, that failed several times in a row and are called once in a while only.
# TYPE approval_relay_circuit_breakers_open gauge
approval_relay_circuit_breakers_open{target="http"} 1
approval_relay_circuit_breakers_open{target="stepfunctions"} 0
`), "approval_relay_circuit_breakers_open"))
}

// The host of a callback URL has a capacity of its own; other targets have no hosts.
func TestHostOfACallbackURL(t *testing.T) {
	t.Parallel()
	c := parseConfig(t, `targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}}`)
	a := appOf(t, prometheus.NewRegistry(), c)
	url := approval.NewToken("https://example.com/callback?secret")
	require.Empty(t, a.hostOf("http", url), "nothing runs yet")
	opened, err := a.openTargets(c, nil)
	require.NoError(t, err)
	first := &rules{config: c, targets: opened}
	a.rules.Store(first)
	require.Equal(t, "example.com", a.hostOf("http", url))
	require.Empty(t, a.hostOf("stepfunctions", approval.NewToken("AQC")))
	require.Empty(t, a.hostOf("unknown", url))

	opened, err = a.openTargets(parseConfig(t, `{}`), first)
	require.NoError(t, err)
	a.rules.Store(&rules{config: c, targets: opened})
	require.Equal(t, "example.com", a.hostOf("http", url), "approvals name the target that a reload removed")
}

// TestTargetRole holds that each AWS target answers as its own role, or as ourselves.
func TestTargetRole(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "OWNKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	var mu sync.Mutex
	var signers []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		signers = append(signers, signer(r))
		if role := r.FormValue("RoleArn"); role != "" {
			_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
				`<AccessKeyId>%s</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>t</SessionToken>`+
				`<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, role[strings.LastIndex(role, "/")+1:])
			return
		}
		_, _ = fmt.Fprint(w, `{"approvedAt": 1}`)
	}))
	defer server.Close()
	targets := openTestTargets(t, prometheus.NewRegistry(), `aws: {region: us-east-1, endpoint: "`+server.URL+`"}
targets:
  stepfunctions: {stepfunctions: {role: "arn:aws:iam::111122223333:role/STEPS", region: eu-west-1}}
  durable: {lambda: {role: "arn:aws:iam::444455556666:role/DURABLE"}}
  release: {codepipeline: {role: "arn:aws:iam::444455556666:role/RELEASE"}}
  ours: {stepfunctions: {}}
`)
	for _, name := range []string{"stepfunctions", "durable", "release", "ours"} {
		a := approval.Answer{OrderID: "A-1", ApprovalID: "1", Token: approval.NewToken("pipe/stage/action/1f2e"), Status: approval.Approved, ClosedAt: time.Now()}
		require.NoError(t, targets[name].Deliver(t.Context(), a), name)
	}
	require.Equal(t, []string{
		"OWNKEY/eu-west-1/sts", "STEPS/eu-west-1/states", "OWNKEY/us-east-1/sts", "DURABLE/us-east-1/lambda",
		"OWNKEY/us-east-1/sts", "RELEASE/us-east-1/codepipeline", "OWNKEY/us-east-1/states",
	}, signers)
}
