package grafana

import (
	"fmt"
	"strings"
)

// prometheus is the data source that the variable datasource names.
var prometheus = &source{Type: "prometheus", UID: "${datasource}"}

// datasourceVariable lets the viewer choose a Prometheus server.
func datasourceVariable() object {
	return object{
		"name":       "datasource",
		"label":      "Data source",
		"type":       "datasource",
		"query":      "prometheus",
		"refresh":    1,
		"includeAll": false,
		"multi":      false,
	}
}

// labelVariable is a variable with the values of a label of a metric.
func labelVariable(name, label, metric, filter string) object {
	definition := fmt.Sprintf("label_values(%s%s, %s)", metric, filter, name)
	return object{
		"name":       name,
		"label":      label,
		"type":       "query",
		"datasource": prometheus,
		"definition": definition,
		"query":      object{"query": definition, "refId": "values"},
		"refresh":    2,
		"sort":       1,
		"includeAll": true,
		"multi":      true,
		"current":    object{"text": []string{"All"}, "value": []string{"$__all"}},
	}
}

// namespaceVariable is a variable of namespaces. Outside Kubernetes series have no namespace: then All matches every series.
func namespaceVariable() object {
	v := labelVariable("namespace", "Namespace", "approval_relay_build_info", "")
	v["allValue"] = ".*"
	return v
}

// ofInstance is the filter of the variables of labels.
const ofInstance = `{namespace=~"$namespace", job=~"$job", instance=~"$instance"}`

// consoleVariable is the address of the worker's console, for the link to it. It is filled in with the installation.
func consoleVariable() object {
	return object{
		"name":    "console",
		"label":   "Operator's address",
		"type":    "textbox",
		"query":   "http://localhost:8081",
		"current": object{"text": "http://localhost:8081", "value": "http://localhost:8081"},
	}
}

// variables returns the variables of all dashboards, and the own ones of a dashboard. Jobs and instances are limited to
// this program: other programs have go_ and process_ series too.
func variables(own ...object) []object {
	return append([]object{
		datasourceVariable(),
		namespaceVariable(),
		labelVariable("job", "Job", "approval_relay_build_info", `{namespace=~"$namespace"}`),
		labelVariable("instance", "Instance", "approval_relay_build_info", `{namespace=~"$namespace", job=~"$job"}`),
		consoleVariable(),
	}, own...)
}

// placeholders replace the parts that the queries of the tables share.
var placeholders = strings.NewReplacer(
	"@workflow", `namespace=~"$namespace", job=~"$job", instance=~"$instance", workflow=~"$workflow"`,
	"@target", `namespace=~"$namespace", job=~"$job", instance=~"$instance", target=~"$target"`,
	"@channel", `namespace=~"$namespace", job=~"$job", instance=~"$instance", channel=~"$channel"`,
	"@queue", `namespace=~"$namespace", job=~"$job", instance=~"$instance", queue=~"$queue"`,
	"@all", `namespace=~"$namespace", job=~"$job", instance=~"$instance"`,
	"@alerts", `ALERTS{namespace=~"$namespace", job=~"$job", alertname=~"ApprovalRelay.*", alertstate="firing"}`,
	"@step", "$__rate_interval",
	"@period", "$__range",
)

// expand replaces the placeholders of a query, lets it read native histograms too, and puts it on a single line.
func expand(expr string) string {
	line := strings.Join(strings.Fields(expr), " ")
	return withNative(placeholders.Replace(strings.ReplaceAll(line, "( ", "(")))
}
