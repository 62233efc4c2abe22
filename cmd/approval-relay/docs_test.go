package main

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/metrics"
)

var update = flag.Bool("update", false, "write the tables of the documentation again")

// TestTables holds the tables of the documentation against the code that they
// describe.
func TestTables(t *testing.T) {
	t.Parallel()
	for path, tables := range map[string]map[string]string{
		"../../README.md":             {"configuration": outline(), "kinds": kindsTable(), "metrics": metrics.Markdown(vital...)},
		"../../docs/configuration.md": {"configuration": configurationTables()},
		"../../docs/metrics.md":       {"metrics": metrics.Markdown()},
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
				t.Fatalf("%s has no place for %s", path, name)
			}
			if have != table && !*update {
				t.Errorf("%s: the table of %s is not what the code says: go test ./cmd/approval-relay -run TestTables -update", path, name)
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

// vital are the metrics to look at first.
var vital = []string{
	"requests_total", "pending", "oldest_pending_timestamp_seconds", "decided_total", "approval_decision_seconds", "timeouts_total",
	"callback_delivery_seconds", "callbacks_total", "exhausted_orders", "notifications_failed_total", "undeliverable_total",
	"dead_letters_total", "sqs_message_age_seconds", "oldest_due_timestamp_seconds", "store_commit_seconds",
}

// TestREADMEExample loads the README's own configuration.
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
	if _, err := parse("README", []byte(example), func(string) string { return "a value of enough bytes" }); err != nil {
		t.Error(err)
	}
}

// filled is a configuration that has one of everything.
func filled() Config {
	c := Defaults()
	c.Workflows = map[string]WorkflowConfig{"NAME": {Requests: RequestsConfig{SQS: &QueueConfig{}}}}
	c.Public.OIDC = &OIDCConfig{}
	c.Tracing.OTLP = &OTLPConfig{}
	c.Store.DynamoDB = &DynamoDBConfig{}
	c.People = map[string]PersonConfig{"NAME": {}}
	c.Decisions = map[string]DecisionConfig{"NAME": {}}
	c.Webhooks = map[string]WebhookConfig{"NAME": ofEach[WebhookConfig]()}
	c.Channels = map[string]ChannelConfig{"NAME": ofEach[ChannelConfig]()}
	c.Targets = map[string]TargetConfig{"NAME": ofEach[TargetConfig]()}
	c.fill()
	delete(c.Targets, "stepfunctions")
	return c
}

// ofEach returns a part of the configuration with every kind in it.
func ofEach[P any]() P {
	var part P
	v := reflect.ValueOf(&part).Elem()
	for _, f := range v.Fields() {
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
	return part
}

// outline names the parts of the configuration.
func outline() string {
	var b strings.Builder
	b.WriteString("| part | what it says |\n|---|---|\n")
	for f := range reflect.TypeFor[Config]().Fields() {
		name := f.Tag.Get("yaml")
		fmt.Fprintf(&b, "| [`%s`](docs/configuration.md#%s) | %s |\n", name, name, f.Tag.Get("doc"))
	}
	return b.String()
}

// kindsTable lists the kinds of channels, schemes and targets.
func kindsTable() string {
	var b strings.Builder
	b.WriteString("| | kind | what it is |\n|---|---|---|\n")
	list := func(what string, names []choice[checked], part reflect.Type) {
		for _, k := range names {
			for f := range part.Fields() {
				if f.Tag.Get("yaml") == k.name {
					fmt.Fprintf(&b, "| %s | `%s` | %s |\n", what, k.name, f.Tag.Get("doc"))
				}
			}
		}
	}
	list("channel", chosen[checked](ofEach[ChannelConfig]()), reflect.TypeFor[ChannelConfig]())
	list("scheme", chosen[checked](ofEach[WebhookConfig]()), reflect.TypeFor[WebhookConfig]())
	list("target", chosen[checked](ofEach[TargetConfig]()), reflect.TypeFor[TargetConfig]())
	return b.String()
}

// configurationTables describe every field of the configuration, part by part.
func configurationTables() string {
	var b strings.Builder
	v := reflect.ValueOf(filled())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, doc := f.Tag.Get("yaml"), f.Tag.Get("doc")
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n| field | default | what it says |\n|---|---|---|\n", name, strings.ToUpper(doc[:1])+doc[1:])
		if v.Field(i).Kind() == reflect.Struct {
			rows(&b, v.Field(i), name)
		} else {
			row(&b, f, v.Field(i), "")
		}
	}
	return b.String()
}

func rows(b *strings.Builder, v reflect.Value, path string) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for i := range v.NumField() {
		row(b, v.Type().Field(i), v.Field(i), path)
	}
}

func row(b *strings.Builder, f reflect.StructField, value reflect.Value, path string) {
	name := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	if value.Kind() == reflect.Map && value.Type().Elem().Kind() == reflect.Struct && !custom(value.Type().Elem()) {
		fmt.Fprintf(b, "| `%s` | | %s |\n", name, f.Tag.Get("doc"))
		rows(b, value.MapIndex(reflect.ValueOf("NAME")), name+".NAME")
		return
	}
	if value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct && !custom(value.Type().Elem()) {
		fmt.Fprintf(b, "| `%s` | | %s |\n", name, f.Tag.Get("doc"))
		rows(b, reflect.New(value.Type().Elem()), name+"[]")
		return
	}
	if value.Kind() == reflect.Struct && !custom(value.Type()) && value.NumField() > 0 {
		fmt.Fprintf(b, "| `%s` | | %s |\n", name, f.Tag.Get("doc"))
		rows(b, value, name)
		return
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, shownDefault(value), f.Tag.Get("doc"))
}

func shownDefault(v reflect.Value) string {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Map || v.Kind() == reflect.Slice || v.IsZero() {
		return ""
	}
	if p, ok := reflect.TypeAssert[PolicyConfig](v); ok {
		return "`" + p.Kind + "`"
	}
	return fmt.Sprintf("`%v`", v.Interface())
}
