package docs

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
)

var update = flag.Bool("update", false, "write the tables in the documentation")

// TestTables compares the tables in the documentation with the code. With -update it writes them.
func TestTables(t *testing.T) {
	t.Parallel()
	for path, tables := range map[string]map[string]string{
		"../../README.md":             {"kinds": kindsTable(), "metrics": metrics.MarkdownTable(vitalMetrics...)},
		"../../docs/configuration.md": {"parts": partsTable(), "configuration": configurationTables()},
		"../../docs/metrics.md":       {"metrics": metrics.MarkdownTable()},
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for name, table := range tables {
			begin, end := "<!-- "+name+": made by the tests -->\n", "<!-- end of "+name+" -->"
			before, rest, ok := strings.Cut(text, begin)
			have, after, ok2 := strings.Cut(rest, end)
			if !ok || !ok2 {
				t.Fatalf("%s lacks the marks of the table %s", path, name)
			}
			if have != table && !*update {
				t.Errorf("%s: the table %s differs from the code; make generate writes it", path, name)
			}
			text = before + begin + table + end + after
		}
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// vitalMetrics are the metrics to look at first.
var vitalMetrics = []string{
	"approvals_pending", "approvals_timed_out_total", "approval_decision_seconds", "callback_delivery_seconds", "exhausted_orders",
	"approvals_undeliverable_total", "dead_letters_total", "oldest_due_timestamp_seconds", "store_commit_duration_seconds",
}

// TestREADMEExample loads the configuration of the README.
func TestREADMEExample(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no example")
	}
	_, warnings, err := config.Parse("README", []byte(example), exampleEnvironment)
	if err != nil || len(warnings) > 0 {
		t.Error(err, warnings)
	}
}

// partsTable lists the parts of the configuration.
func partsTable() string {
	var b strings.Builder
	b.WriteString("| part | description |\n|---|---|\n")
	for _, part := range config.Describe() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", part.Name, part.Name, part.Doc)
	}
	return b.String()
}

// kindsTable lists the kinds of channels, schemes and targets.
func kindsTable() string {
	var b strings.Builder
	b.WriteString("| | kind | description |\n|---|---|---|\n")
	list := func(family string, kinds []config.Choice) {
		for _, k := range kinds {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", family, k.Name, k.Doc)
		}
	}
	list("channel", new(config.Channel).Choices())
	list("scheme", new(config.Scheme).Choices())
	list("target", new(config.Target).Choices())
	return b.String()
}

// configurationTables returns a table for each part of the configuration with all of its fields.
func configurationTables() string {
	var b strings.Builder
	for _, part := range config.Describe() {
		fmt.Fprintf(
			&b,
			"\n## %s\n\n%s.\n\n| field | default | description |\n|---|---|---|\n",
			part.Name,
			strings.ToUpper(part.Doc[:1])+part.Doc[1:],
		)
		part.Walk(func(f *config.Field) {
			if f != part || len(f.Fields) == 0 {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Path, codeOf(f.DefaultText()), f.Doc)
			}
		})
	}
	return b.String()
}

// codeOf formats a default. An empty default stays empty.
func codeOf(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
