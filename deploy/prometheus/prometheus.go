// Package prometheus makes the alerts and recording rules beside it. The tables in the files of this package are the
// source, and rules.yaml is loaded by Prometheus.
//
//	go test ./deploy/prometheus -update
//
// writes rules.yaml and its tests again. Each scenario of the tests has all alerts that fire in a situation.
//
// Rules for rules:
//
//   - The severity page wakes somebody: a workflow is without its answer, or soon will be, and a person must act now.
//     Other alerts are tickets. The label audience is owner where the owner of the workflow must act, by day.
//   - Every result has the namespace and the job, so that an alert names its installation.
//   - One event, one failed scrape or one missing sample pages nobody: a share has a floor, and a window is shorter than
//     the time for which it must hold.
//   - The clock of Prometheus is not compared with that of a worker.
package prometheus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The severities of alerts.
const (
	page   = "page"
	ticket = "ticket"
)

// The dashboards of deploy/grafana, by the end of their uid.
const (
	approvalsBoard = "approvals"
	deliveryBoard  = "delivery"
	workerBoard    = "worker"
)

// runbook is the address of docs/runbook.md.
const runbook = "https://github.com/approval-relay/approval-relay/blob/main/docs/runbook.md"

// alert is an alerting rule.
type alert struct {
	name string
	// expr is PromQL with placeholders, see expand.
	expr string
	// hold is how long expr must have a result, or "".
	hold     string
	severity string
	// owner says that the owner of the workflow must act, and not the operator of the worker.
	owner bool
	// summary is a sentence. It names the object of the alert.
	summary string
	// description names the first thing to do.
	description string
	// board is the dashboard that shows the cause.
	board string
}

// recording is a recording rule.
type recording struct{ name, expr string }

// group is a group of rules. Its rules are evaluated in order.
type group struct {
	name       string
	recordings []recording
	alerts     []alert
}

// groups returns all rules in the order of the file.
func groups() []group {
	return []group{
		{name: "approval-relay-recorded", recordings: recordings()},
		{name: "approval-relay-workers", alerts: slices.Concat(workerAlerts(), surroundingAlerts())},
		{name: "approval-relay-store", alerts: append(storeAlerts(), tableAlerts()...)},
		{name: "approval-relay-queues", alerts: slices.Concat(receiveAlerts(), depthAlerts())},
		{name: "approval-relay-answers", alerts: answerAlerts()},
		{name: "approval-relay-targets", alerts: slices.Concat(targetAlerts(), owedAlerts())},
		{name: "approval-relay-notifications", alerts: slices.Concat(notificationAlerts(), chatAlerts())},
		{name: "approval-relay-approvals", alerts: approvalAlerts()},
		{name: "approval-relay-inbound", alerts: inboundAlerts()},
	}
}

var (
	byMore = regexp.MustCompile(`@(by|on)\((\w[^)]*)\)`)
	byOnly = regexp.MustCompile(`@(by|on)\b`)
)

// expand replaces the placeholders of an expression: @by and @on are by and on with the labels of an installation, and
// @by(queue) has a further label.
func expand(expr string) string {
	expr = byMore.ReplaceAllString(expr, "$1 (namespace, job, $2)")
	return byOnly.ReplaceAllString(expr, "$1 (namespace, job)")
}

// Rules returns the content of rules.yaml.
func Rules() string {
	var b strings.Builder
	b.WriteString(`# Alerts and recording rules of approval-relay. Every alert has a section in docs/runbook.md.
# The severity page wakes somebody: a workflow is without its answer, or soon will be. A ticket waits for the morning,
# and with the label audience: owner it is for the owner of the workflow.
# Made from the tables in this folder: go test ./deploy/prometheus -update
groups:
`)
	for _, g := range groups() {
		fmt.Fprintf(&b, "  - name: %s\n    rules:\n", g.name)
		for _, r := range g.recordings {
			fmt.Fprintf(&b, "      - record: %s\n", r.name)
			writeExpr(&b, r.expr)
		}
		for _, a := range g.alerts {
			a.write(&b)
		}
	}
	return b.String()
}

// write writes the rule as YAML.
func (a alert) write(b *strings.Builder) {
	fmt.Fprintf(b, "      - alert: %s\n", a.name)
	writeExpr(b, a.expr)
	if a.hold != "" {
		fmt.Fprintf(b, "        for: %s\n", a.hold)
	}
	labels := "severity: " + a.severity
	if a.owner {
		labels += ", audience: owner"
	}
	fmt.Fprintf(b, "        labels: {%s}\n", labels)
	b.WriteString("        annotations:\n")
	fmt.Fprintf(b, "          summary: %q\n", a.summary)
	fmt.Fprintf(b, "          description: %q\n", a.description)
	fmt.Fprintf(b, "          runbook_url: %s#%s\n", runbook, strings.ToLower(a.name))
	fmt.Fprintf(b, "          dashboard_url: %q\n", "/d/approval-relay-"+a.board+
		"?var-namespace={{ $labels.namespace }}&var-job={{ $labels.job }}")
}

// writeExpr writes an expression as a block, with its lines as they are in the table.
func writeExpr(b *strings.Builder, expr string) {
	b.WriteString("        expr: |-\n")
	for line := range strings.Lines(strings.TrimSpace(expand(expr))) {
		fmt.Fprintf(b, "          %s\n", strings.TrimSpace(line))
	}
}

// counted returns the events that a counter counted in a window, by labels. Its first sample may be higher than 0, and
// the events before it are counted too if the counter began in the window: its process is younger than the window, or
// Prometheus has scraped the process for longer, as where a reload has added a workflow. Otherwise Prometheus has just begun
// to scrape the process, or does so again after a gap.
func counted(selector, labels, window string) string {
	return fmt.Sprintf(`
		sum @by(%[2]s) (increase(%[1]s[%[3]s])) > 0
		or
		sum @by(%[2]s) (
		%[1]s unless %[1]s offset %[3]s
		unless (
		%[1]s and @on(instance) (time() - process_start_time_seconds > %[4]d)
		unless count_over_time(%[1]s[%[3]s])
		< @on(instance) group_left () min @by(instance) (count_over_time(process_start_time_seconds[%[3]s])))) > 0`,
		selector, labels, window, secondsOf[window])
}

var secondsOf = map[string]int{"15m": 15 * 60, "1h": 60 * 60}
