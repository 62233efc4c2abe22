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

var update = flag.Bool("update", false, "write the tables of the README again")

// TestREADME holds the tables of the README against the code that they describe.
func TestREADME(t *testing.T) {
	t.Parallel()
	const path = "../../README.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, table := range map[string]string{"configuration": configurationTable(), "metrics": metrics.Markdown()} {
		begin, end := "<!-- "+name+": made by the tests -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		have, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("the README has no place for %s", name)
		}
		if have != table && !*update {
			t.Errorf("the README's table of %s is not what the code says: go test ./cmd/approval-relay -run TestREADME -update", name)
		}
		text = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
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

// configurationTable describes every field of the configuration.
func configurationTable() string {
	var b strings.Builder
	b.WriteString("| field | default | what it says |\n|---|---|---|\n")
	filled := Defaults()
	filled.Workflows = map[string]WorkflowConfig{"NAME": {Requests: RequestsConfig{SQS: &QueueConfig{}}}}
	filled.People = map[string]PersonConfig{"NAME": {}}
	filled.Decisions = map[string]DecisionConfig{"NAME": {}}
	filled.Webhooks = map[string]WebhookConfig{"NAME": {HMAC: &HMACConfig{}, Bearer: &BearerConfig{}, Standard: &StandardConfig{}, GitHub: &GitHubConfig{}, Slack: &SlackConfig{}, Stripe: &StripeConfig{}, SNS: &SNSWebhookConfig{}, Client: &ClientCertConfig{}}}
	filled.Channels = map[string]ChannelConfig{"NAME": {
		SMTP: &SMTPConfig{}, SES: &SESConfig{}, Teams: &TeamsConfig{}, Webhook: &WebhookChannelConfig{}, Slack: &SlackChannelConfig{}, SNS: &SNSChannelConfig{},
	}}
	filled.Targets = map[string]TargetConfig{"NAME": {StepFunctions: &AWSTargetConfig{}, Lambda: &AWSTargetConfig{}, CodePipeline: &AWSTargetConfig{}, HTTP: &HTTPTargetConfig{}}}
	filled.fill()
	delete(filled.Targets, "stepfunctions")
	rows(&b, reflect.ValueOf(filled), "")
	return b.String()
}

func rows(b *strings.Builder, v reflect.Value, path string) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
		for value.Kind() == reflect.Pointer && !value.IsNil() {
			value = value.Elem()
		}
		if value.Kind() == reflect.Map && value.Type().Elem().Kind() == reflect.Struct && !custom(value.Type().Elem()) {
			fmt.Fprintf(b, "| `%s` | | %s |\n", name, f.Tag.Get("doc"))
			rows(b, value.MapIndex(reflect.ValueOf("NAME")), name+".NAME")
			continue
		}
		if value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct && !custom(value.Type().Elem()) {
			fmt.Fprintf(b, "| `%s` | | %s |\n", name, f.Tag.Get("doc"))
			rows(b, reflect.New(value.Type().Elem()), name+"[]")
			continue
		}
		if value.Kind() == reflect.Struct && !custom(value.Type()) && value.NumField() > 0 {
			fmt.Fprintf(b, "| `%s` | | %s |\n", name, f.Tag.Get("doc"))
			rows(b, value, name)
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, shownDefault(value), f.Tag.Get("doc"))
	}
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
