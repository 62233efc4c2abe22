package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func TestRepositoryFollowsTheTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(root, false, &out), "%s", &out)
	require.Contains(t, out.String(), "packages import only what")
}

// TestPlantedBreaches adds a forbidden import to the repository, one at a time, and sees each of them found.
func TestPlantedBreaches(t *testing.T) {
	t.Parallel()
	house, err := parseTable(tableText)
	require.NoError(t, err)
	for _, breach := range []struct{ in, imports string }{
		// An adapter knows another one, of its kind or of a different kind.
		{"notify/post", "store/sqlite"},
		{"notify/slack", "notify/teams"},
		{"callback/lambda", "callback/stepfunctions"},
		{"store/sqlite", "store/memory"},
		{"link", "keys"},
		{"webhook", "signin"},
		// A lower floor knows a higher one.
		{"sqs", "handlers"},
		{"sqs", "router"},
		{"signin", "router"},
		{"web", "handlers"},
		{"web/look", "web"},
		{"handlers", "router"},
		{"outbound", "callback"},
		{"config", "app"},
		{"api", "config"},
		{"app", "cmd/approval-relay"},
		// A floor between the two is passed by: the router knows the store's contract, not its adapters.
		{"router", "store/sqlite"},
		{"handlers", "store/dynamodb"},
		// The domain and the leaves know nothing of ours.
		{"approval", "store"},
		{"approval", "secret"},
		{"secret", "approval"},
		// Code of the program does not know code of the tests.
		{"handlers", "test/emulator"},
		{"app", "test/emulator"},
		{"store/sqlite", "store/storetest"},
		{"cmd/approval-relay", "test/bench"},
		// Modules of other people stay in the packages that are there for them.
		{"approval", "github.com/ThreeDotsLabs/watermill/message"},
		{"store/sqlite", "github.com/ThreeDotsLabs/watermill"},
		{"notify/smtp", "github.com/aws/aws-sdk-go-v2/service/sesv2"},
		{"callback", "github.com/prometheus/client_golang/prometheus"},
		{"router", "github.com/aws/aws-sdk-go-v2/service/sqs"},
		{"handlers", "go.opentelemetry.io/otel/trace"},
		{"handlers", "cel.dev/cel-go/cel"},
		{"sqs", "github.com/ThreeDotsLabs/watermill-aws/sqs"}, // not covered by "watermill"
	} {
		t.Run(breach.in+" imports "+breach.imports, func(t *testing.T) {
			t.Parallel()
			imported := breach.imports
			if !strings.Contains(strings.Split(imported, "/")[0], ".") {
				imported = module + "/" + imported
			}
			file := breach.in + "/planted.go"
			found := check(t, house, file, "//go:build windows\n\npackage planted\n\nimport _ \""+imported+"\"\n")
			require.Equal(t, []string{
				file + ":5: " + breach.in + " must not import " + breach.imports + ": scripts/arrows/table.txt does not list it",
			}, found)
		})
	}
}

// check returns the breaches that one file more brings into the repository.
func check(t *testing.T, house table, file, source string) []string {
	t.Helper()
	present, err := readPackages(root, nil)
	require.NoError(t, err)
	planted, err := readPackages(root, map[string]string{file: source})
	require.NoError(t, err)
	before, _ := house.check(present)
	after, _ := house.check(planted)
	return slices.DeleteFunc(after, func(breach string) bool { return slices.Contains(before, breach) })
}

func TestPackageWithoutRow(t *testing.T) {
	t.Parallel()
	house, err := parseTable(tableText)
	require.NoError(t, err)
	for _, file := range []string{"notify/pigeon/channel.go", "test/pigeon/pigeon_test.go"} {
		folder := file[:strings.LastIndex(file, "/")]
		require.Equal(t, []string{folder + ": the package has no row in scripts/arrows/table.txt"},
			check(t, house, file, "package pigeon\n\nimport _ \""+module+"/approval\"\n"))
	}
}

func TestTestsImportWhatTheyNeed(t *testing.T) {
	t.Parallel()
	house, err := parseTable(tableText)
	require.NoError(t, err)
	require.Empty(t, check(t, house, "approval/planted_test.go", "package approval\n\nimport _ \""+module+"/test/emulator\"\n"))
}

func TestUnusedEntries(t *testing.T) {
	t.Parallel()
	house, err := parseTable("== top\na b | watermill\nc\n== bottom\nb\n")
	require.NoError(t, err)
	packages := map[string][]use{"a": {}, "b": {}}
	breaches, unused := house.check(packages)
	require.Empty(t, breaches)
	require.Equal(t, []string{
		"scripts/arrows/table.txt: a lists b, but does not import it",
		"scripts/arrows/table.txt: a lists watermill, but does not import it",
		"scripts/arrows/table.txt: c has a row, but there is no such package",
	}, unused)
}

// TestTableItself holds the rules that a change of the table cannot break.
func TestTableItself(t *testing.T) {
	t.Parallel()
	for text, fault := range map[string]string{
		"== adapters\na b\nb\n":              "a lists b, which is not on a lower floor",
		"== top\na\n== bottom\nb a\n":        "b lists a, which is not on a lower floor",
		"== top\na c\n":                      "a lists c, which has no row",
		"== top\na\na\n":                     "a has two rows",
		"== top\n| watermill\n":              "names no package",
		"== top\na\n    b\n== bottom\n\nc\n": "a lists b, which has no row", // a continued line
	} {
		_, err := parseTable(text)
		require.ErrorContains(t, err, fault, text)
	}
}

// TestPlantedClock plants calls of the machine's clock, one at a time, and sees each of them found.
func TestPlantedClock(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"package x\nimport \"time\"\nvar t = time.Now()":                                          1,
		"package x\nimport \"time\"\nvar now = time.Now":                                          1,
		"package x\nimport clock \"time\"\nvar d = clock.Since(clock.Now())":                      2,
		"package x\nimport \"time\"\nfunc f(t time.Time) bool { return time.Until(t) > 0 }":       1,
		"package x\nimport \"time\"\nfunc f(t time.Time) time.Time { return t.Add(time.Second) }": 0,
	} {
		places, err := readsOfClock("x/x.go", []byte(source))
		require.NoError(t, err)
		require.Len(t, places, want, source)
	}
	allowed, err := parseTimes(timesText)
	require.NoError(t, err)
	breaches, err := checkTimes(root, allowed)
	require.NoError(t, err)
	require.Empty(t, breaches)
	delete(allowed, "clock/clock.go")
	allowed["router/router.go"] = 1
	allowed["router/gone.go"] = 1
	breaches, err = checkTimes(root, allowed)
	require.NoError(t, err)
	require.Len(t, breaches, 3)
	for _, wrong := range []string{"a.go", "a.go 0 none", "a.go x none", "a.go 1"} {
		_, err := parseTimes(wrong)
		require.Error(t, err, wrong)
	}
	require.False(t, isOfProgram("store/storetest/claim.go"))
	require.True(t, isOfProgram("store/store.go"))
}
