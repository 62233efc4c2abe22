package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// environment is the environment of the files in testdata/files.
func environment(name string) string {
	return map[string]string{
		"BOSS":          "ann@example.com",
		"HOST":          "approve.example.com",
		"LOG_FORMAT":    "text",
		"SMTP_PASSWORD": "a password\r\n",
		"TOKEN":         "5b6a7f8e9d0c1b2a3f5e6d7c8a9b4f0e\n",
	}[name]
}

// loadFile loads a file of testdata/files.
func loadFile(t *testing.T, name string) *config.Config {
	t.Helper()
	c, _, err := config.Load(filepath.Join("testdata/files", name), nil, environment)
	require.NoError(t, err)
	return c
}

// TestReadsYamlencode reads a file that Terraform's yamlencode wrote (github.com/zclconf/go-cty-yaml v1.2.0): it quotes
// every key.
func TestReadsYamlencode(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "terraform.yaml")
	w := c.Workflows["orders"]
	require.Equal(t, "orders-requests", w.Requests.SQS.Queue)
	require.Equal(t, config.Policy{Kind: "quorum", Quorum: 2}, w.Policy)
	require.Equal(t, 4*time.Minute, w.Heartbeat)
	require.Zero(t, w.TaskTimeout)
	require.Equal(t, "two\nlines: \"quoted\" and ${not a variable}\n", w.Callback.Output["text"])
	require.Equal(t, []string{"bob@example.com", "eva@example.com"}, c.Groups["finance"])
	require.True(t, c.Decisions["results"].Subscribe)
	require.Equal(t, "orders-approvals", c.Store.DynamoDB.Table)
}

func TestReadsJSON(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "quoted.json")
	w := c.Workflows["orders"]
	require.Equal(t, []string{"ann@example.com", "bob@example.com", "rémi@example.com"}, w.Approvers)
	require.Len(t, w.Requests.Details, 1)
	require.Equal(t, "Total 💶", w.Requests.Details[0].Name)
	require.Equal(t, "string(body.total) + ' €/month'", w.Requests.Details[0].Value)
	output, err := json.Marshal(w.Callback.Output)
	require.NoError(t, err)
	require.JSONEq(t, `{"limit": 1000000, "ratio": 2.5, "list": [1, true, null], "text": "a\tb\"c\\ud83d"}`, string(output))
}

func TestReadsByteOrderMarkAndCRLF(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2*time.Hour, loadFile(t, "byte-order-mark.yaml").Workflows["orders"].Deadline)
}

func TestReadsAnchors(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "anchors.yaml")
	bosses := []string{"ann@example.com", "bob@example.com"}
	orders, refunds := c.Workflows["orders"], c.Workflows["refunds"]
	require.Equal(t, 4*time.Hour, orders.Deadline, "the workflow's own value comes before the merged value")
	require.Equal(t, bosses, orders.Approvers)
	require.Equal(t, 2*time.Minute, orders.NotifyRetry.Cap)
	require.Equal(t, 8*time.Hour, refunds.Deadline, "the first merged mapping comes before the second")
	require.Equal(t, 3*time.Minute, refunds.Heartbeat)
	require.Equal(t, bosses, refunds.Escalations[0].To)
	require.Equal(t, bosses, c.Groups["bosses"])
}

func TestReadsDefaults(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "defaults.yaml")
	orders, refunds := c.Workflows["orders"], c.Workflows["refunds"]
	require.Equal(t, 8*time.Hour, orders.Deadline)
	require.Equal(t, time.Hour, refunds.Deadline)
	require.Equal(t, []string{"bob@example.com"}, refunds.Approvers)
	require.Equal(t, config.Expressions{"body.number"}, refunds.Requests.Fields["order"])
	require.Equal(t, config.Expressions{"body.reason"}, refunds.Requests.Fields["title"])
	require.Equal(t, config.Expressions{"body.subject"}, orders.Requests.Fields["title"])
	require.Equal(t, "success", refunds.Callback.OnReject)
	require.Equal(t, time.Second, refunds.Callback.Retry.Base)
	require.Equal(t, 5*time.Second, refunds.Callback.Retry.Cap)
	require.Equal(t, time.Minute, orders.Callback.Retry.Cap)
}

func TestReadsVariables(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "variables.yaml")
	require.Equal(t, config.Log{Level: "debug", Format: "text"}, c.Log)
	require.Equal(t, "https://approve.example.com/approvals", c.Public.URL)
	require.True(t, c.Operator.OpenMetrics)
	require.Equal(t, 1000, c.Webhooks["erp"].MaxBody)
	require.Equal(t, "body.text != '${HOST}' && body.price != '$5'", c.Webhooks["erp"].Filter)
	require.Contains(t, c.People, "ann@example.com")
	require.Equal(t, 90*time.Minute, c.Workflows["orders"].Deadline)
	require.Equal(t, []string{"log"}, c.Workflows["orders"].Notify)
}

func TestReadsNumbersOfHelm(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "helm.yaml")
	require.Equal(t, 1048576, c.Webhooks["erp"].MaxBody)
	require.InDelta(t, 25, c.Webhooks["erp"].Rate, 0)
	require.Equal(t, 1000, c.Decisions["results"].SQS.Concurrency)
	output, err := json.Marshal(c.Workflows["orders"].Callback.Output)
	require.NoError(t, err)
	require.JSONEq(t, `{"limit": 1000000, "account": 111122223333}`, string(output))
}

// TestReadsSecrets checks that a secret has no line end, and that digits without quotes stay as they are.
func TestReadsSecrets(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "secrets.yaml")
	for name, want := range map[string]string{
		"block":    "0e4f9b8a7c6d5e3f2a1b0c9d8e7f6a5b",
		"digits":   "01234567890123456789012345678901234567890",
		"hex":      "0x0e4f9b8a7c6d5e3f2a1b0c9d8e7f6a5b",
		"variable": "5b6a7f8e9d0c1b2a3f5e6d7c8a9b4f0e",
	} {
		require.Equal(t, want, c.Operator.Tokens[name].Token.Reveal(), name)
	}
}

// TestBoundsOfFiles checks that a file that would take long to read is refused. Without its bounds, the first would take the
// memory of 10⁹ values.
func TestBoundsOfFiles(t *testing.T) {
	t.Parallel()
	var bomb, chain strings.Builder
	bomb.WriteString("x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		level := string(rune('0' + i))
		next := string(rune('1' + i))
		bomb.WriteString("x-" + next + ": &a" + next + " [" + strings.Repeat("*a"+level+", ", 9) + "*a" + level + "]\n")
	}
	chain.WriteString("x-0: &a0 x\n")
	for i := range 300 {
		level, next := strings.Repeat("a", i), strings.Repeat("a", i+1)
		chain.WriteString("x-" + next + ": &a0" + next + " [*a0" + level + "]\n")
	}
	for want, text := range map[string]string{
		"has more than 200000 values, with its aliases resolved":    bomb.String(),
		"nests deeper than 100 levels, with its aliases resolved":   chain.String(),
		"line 1: (file): nests deeper than 100 levels":              strings.Repeat("[", 1<<15),
		"line 2: (file): nests deeper than 100 levels":              "a:\n" + strings.Repeat("- ", 1<<15),
		"(file): nests deeper than 100 levels":                      strings.Repeat(`{"a":`, 1<<13) + "1" + strings.Repeat("}", 1<<13),
		"(file): has more than 500000 parts":                        "groups: {g: [" + strings.Repeat("a, ", 1<<19) + "]}",
		"(file): is longer than 4194304 bytes":                      strings.Repeat("#", 4<<20) + "\n",
		"(file): is not UTF-8":                                      "log: {level: \"\xff\"}",
		"(file): is UTF-16; save it as UTF-8":                       "\xff\xfel\x00o\x00g\x00",
		"(file): has a NUL character":                               "log: {level: \"a\x00\"}",
		"(file): has an alias within its own anchor":                "log: &a {level: *a}",
		"indented by a tab; YAML is indented by spaces":             "log:\n\tlevel: info\n",
		"(file): is not a mapping of fields, such as workflows: {":  "- a\n- b\n",
		"line 2: (file): is not valid YAML: mapping key \"log\" al": "log: {}\nlog: {}\n",
	} {
		_, _, err := config.Parse("relay.yaml", []byte(text), os.Getenv)
		require.ErrorContains(t, err, want)
	}
}
