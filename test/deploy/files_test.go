package deploy

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

const (
	root        = "../../"
	chartFolder = root + "deploy/helm/approval-relay/"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// decode reads a YAML file into out.
func decode(t *testing.T, path string, out any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(read(t, path)), out), path)
}

// find returns the group of a pattern that must match exactly once.
func find(t *testing.T, path, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, path), -1)
	require.Len(t, found, 1, "%s in %s", pattern, path)
	return found[0][1]
}

// TestFilesParse parses all YAML and JSON files except templates.
func TestFilesParse(t *testing.T) {
	t.Parallel()
	parsed := 0
	require.NoError(t, filepath.WalkDir(root+"deploy", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "templates" {
			return filepath.SkipDir
		}
		var v any
		switch filepath.Ext(path) {
		case ".json":
			require.NoError(t, json.Unmarshal([]byte(read(t, path)), &v), path)
		case ".yaml", ".yml":
			decode(t, path, &v)
		default:
			return nil
		}
		require.NotEmpty(t, v, path)
		parsed++
		return nil
	}))
	require.Greater(t, parsed, 10)
}

// TestOneSource checks that the chart's rules and dashboards are links to their source, because copies would get out of
// date.
func TestOneSource(t *testing.T) {
	t.Parallel()
	for link, source := range map[string]string{"files/rules.yaml": "deploy/prometheus/rules.yaml", "files/dashboards": "deploy/grafana"} {
		info, err := os.Lstat(chartFolder + link)
		require.NoError(t, err)
		require.NotZero(t, info.Mode()&fs.ModeSymlink, "%s is a copy", link)
		there, err := os.Stat(chartFolder + link)
		require.NoError(t, err)
		want, err := os.Stat(root + source)
		require.NoError(t, err)
		require.True(t, os.SameFile(there, want), "%s leads elsewhere", link)
	}
	var compose struct {
		Services map[string]struct{ Volumes []string }
	}
	decode(t, root+"deploy/compose/compose.yaml", &compose)
	require.Contains(t, compose.Services["prometheus"].Volumes, "../prometheus/rules.yaml:/etc/prometheus/rules.yaml:ro")
	require.Contains(t, compose.Services["grafana"].Volumes, "../grafana:/var/lib/grafana/dashboards:ro")
	for _, s := range compose.Services { // mounted files exist
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, ".") {
				require.FileExists(t, orFileIn(root+"deploy/compose/"+from))
			}
		}
	}
}

// orFileIn returns the first file of a folder, or the file itself.
func orFileIn(path string) string {
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) == 0 {
		return path
	}
	return filepath.Join(path, entries[0].Name())
}

// TestVersions checks that the version is the same everywhere, and that every image has a version.
func TestVersions(t *testing.T) {
	t.Parallel()
	version := find(t, chartFolder+"Chart.yaml", `(?m)^version: (\S+)$`)
	require.Equal(t, version, find(t, chartFolder+"Chart.yaml", `(?m)^appVersion: "(\S+)"$`))
	image := "approval-relay/approval-relay:" + version
	require.Equal(t, version, strings.TrimSpace(read(t, root+"VERSION")))
	require.Equal(t, image, find(t, root+"deploy/ecs/task-definition.json", `"image": "([^"]+)"`))
	require.Contains(t, read(t, root+"deploy/ecs/fargate/task-definition.json"), `"image": "`+image+`"`)
	require.Contains(t, read(t, chartFolder+"values.yaml"), "repository: approval-relay/approval-relay\n")

	var compose struct {
		Services map[string]struct{ Image string }
	}
	decode(t, root+"deploy/compose/compose.yaml", &compose)
	require.Equal(t, image, compose.Services["relay"].Image)
	for name, s := range compose.Services {
		require.Regexp(t, `^[a-z-]+/[a-z-]+:v?[0-9]+\.[0-9]+\.[0-9]+$`, s.Image, "%s: a Docker Hub short name with its version", name)
	}
	require.Contains(t, read(t, root+"deploy/Dockerfile"), "-X main.version=${VERSION}")
	require.Contains(t, read(t, root+".goreleaser.yaml"), "-X main.version={{ .Version }}")
	require.Contains(t, read(t, root+"cmd/approval-relay/version.go"), "\nvar version = ")
}

// TestPorts checks that the configuration, the image, the chart, compose and ECS use the same ports, and that probes
// and Ingress use existing paths.
func TestPorts(t *testing.T) {
	t.Parallel()
	var values struct {
		Config struct{ Public, Operator struct{ Listen string } }
	}
	decode(t, chartFolder+"values.yaml", &values)
	public, operator := strings.TrimPrefix(
		values.Config.Public.Listen,
		"0.0.0.0:",
	), strings.TrimPrefix(
		values.Config.Operator.Listen,
		"0.0.0.0:",
	)
	require.Equal(t, []string{"8080", "9090"}, []string{public, operator})

	require.Contains(t, read(t, root+"deploy/Dockerfile"), "\nEXPOSE "+public+" "+operator+"\n")
	set := read(t, chartFolder+"templates/_pod.tpl")
	require.Contains(t, set, "{name: public, containerPort: "+public+"}")
	require.Contains(t, set, "{name: operator, containerPort: "+operator+"}")
	routes := read(t, root+"api/routes.go")
	probes := regexp.MustCompile(`include "approval-relay.probe" \(list \. "(\S+)"\)`).FindAllStringSubmatch(set, -1)
	for _, probe := range probes {
		require.Contains(t, routes, `"GET `+probe[1]+`"`)
	}
	require.Len(t, probes, 3, "startup, liveness and readiness")
	require.Contains(t, read(t, chartFolder+"templates/_helpers.tpl"), "port: operator")
	_, open, _ := strings.Cut(routes, "func publicRoutes() ")
	open, _, _ = strings.Cut(open, "func operatorRoutes() ")
	found := regexp.MustCompile(`\{"(?:[A-Z]+ )?(/[a-z]+)/`).FindAllStringSubmatch(open, -1)
	prefixes := map[string]bool{}
	for _, route := range found {
		prefixes[route[1]] = true
		require.Regexp(t, `(?m)^/[-./ a-z]* `+route[1]+`( |$)`, read(t, chartFolder+"templates/_helpers.tpl"))
	}
	require.Len(t, prefixes, 7, "%v", prefixes)
	require.Contains(t, open, `"GET /healthz"`, "an Ingress leads to it, for probes from outside")

	ecs := read(t, root+"deploy/ecs/task-definition.json")
	require.Contains(t, ecs, `"containerPort": `+public+`,`)
	require.Contains(t, ecs, `"containerPort": `+operator+`,`)
	require.Contains(
		t,
		read(t, root+"deploy/compose/compose.yaml"),
		`["127.0.0.1:`+public+`:`+public+`", "127.0.0.1:`+operator+`:`+operator+`"]`,
	)
	require.Contains(t, read(t, root+"deploy/compose/prometheus.yaml"), "[relay:"+operator+"]")
	for _, path := range []string{"deploy/compose/prometheus.yaml", "deploy/prometheus/rules.yaml"} {
		require.Regexp(t, `job(_name: |=")approval-relay`, read(t, root+path))
	}
}

// TestPermissions checks that the least policy in the README has the same actions as Terraform's, except for keys, and
// for what the worker does only with certain settings.
func TestPermissions(t *testing.T) {
	t.Parallel()
	_, policy, _ := strings.Cut(read(t, root+"README.md"), "The least IAM policy.")
	policy, _, _ = strings.Cut(policy, "With `decisions.NAME.subscribe: true`")
	action := regexp.MustCompile(`"((?:sqs|states|kms):\w+)"`)
	module, _, _ := strings.Cut(read(t, root+"deploy/terraform/iam.tf"), `resource "aws_iam_policy" "worker"`)
	module = regexp.MustCompile(`(?s)\n  dynamic "statement" \{.*?\n  \}\n`).ReplaceAllString(module, "")
	require.ElementsMatch(t,
		append(action.FindAllString(policy, -1), `"kms:Decrypt"`, `"kms:GenerateDataKey"`),
		action.FindAllString(module, -1))
}

// TestTablePermissions checks that the worker may use exactly the calls that the store makes on its table.
func TestTablePermissions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "store/dynamodb/*.go")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, call := range regexp.MustCompile(`\.client\.(\w+)\(`).FindAllStringSubmatch(read(t, f), -1) {
			used["dynamodb:"+call[1]] = true
		}
	}
	delete(used, "dynamodb:TransactWriteItems") // allowed by the actions that it consists of
	delete(used, "dynamodb:Scan")               // used only by `store check`, `stats` and `migrate`, with an operator's rights
	delete(used, "dynamodb:CreateTable")        // used only with store.dynamodb.create
	allowed := map[string]bool{}
	for _, action := range regexp.MustCompile(`dynamodb:\w+`).FindAllString(read(t, root+"deploy/terraform/iam.tf"), -1) {
		allowed[action] = true
	}
	require.NotEmpty(t, used)
	require.Equal(t, used, allowed)
}

// TestTablesAreTheSame checks that the table with warm throughput, which only version 6 of the provider knows, is otherwise
// the module's own.
func TestTablesAreTheSame(t *testing.T) {
	t.Parallel()
	table := func(file string, drop ...string) string {
		text := read(t, root+"deploy/terraform/"+file)
		_, text, _ = strings.Cut(text, "\nlocals {")
		text, _, _ = strings.Cut(text, "\n}\n\n# The table that")
		text, _, _ = strings.Cut(text, "\n}\n\noutput ")
		for _, d := range drop {
			text = regexp.MustCompile(d).ReplaceAllString(text, "")
		}
		return strings.Join(strings.Fields(text), " ")
	}
	require.Equal(t,
		table("table.tf", `count = var.table \? 1 : 0`, `var\.table_kms_`),
		table("table/main.tf", `(?s)dynamic "warm_throughput" \{.*?for_each = var.*?content \{.*?\}\s*\}`, `var\.kms_`))
}
