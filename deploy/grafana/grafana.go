// Package grafana makes the dashboards beside it. The JSON files are what is
// imported; the tables of panels in approvals.go, delivery.go and worker.go are
// what is kept: a panel is its title, what it tells, its unit and its queries.
//
//	go test ./deploy/grafana -update
//
// writes the files again. test/dashboards checks the files, not this package.
//
// What is read from the store is summed over the processes: each has a store of
// its own. A ratio or quantile of nothing is NaN, which a number would show: ">= 0"
// leaves it out, and the number says what noValue does.
package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Dashboards returns the dashboards by the names of their files.
func Dashboards() map[string]Dashboard {
	return map[string]Dashboard{"approvals.json": approvals(), "delivery.json": delivery(), "worker.json": worker()}
}

// JSON returns the dashboard as its file has it.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // for people, too
	e.SetIndent("", "  ")
	err := e.Encode(d)
	return b.Bytes(), err
}

// tag is on each of the dashboards.
const tag = "approval-relay"

func uid(name string) string { return tag + "-" + name }

// neighbours are the links from one dashboard to the others.
func neighbours(from string) []link {
	var out []link
	for _, to := range []struct{ name, title, about string }{
		{"approvals", "Approvals", "How many, how long, who waits, what was not decided in time"},
		{"delivery", "Delivery", "Callbacks, notifications, retries, dead letters"},
		{"worker", "Worker", "Queues, handlers, store, sweeper, runtime"},
	} {
		if to.name != from {
			out = append(out, link{
				Title:       to.title,
				Type:        "link",
				Icon:        "dashboard",
				Tooltip:     to.about,
				URL:         "/d/" + uid(to.name),
				Tags:        []string{},
				IncludeVars: true,
				KeepTime:    true,
			})
		}
	}
	return out
}

// dashboard lays out the parts, and numbers them.
func dashboard(name, title, about, from string, variables []object, parts ...part) Dashboard {
	return Dashboard{
		UID:           uid(name),
		Title:         "Approval relay: " + title,
		Description:   about,
		Tags:          []string{tag},
		Timezone:      "browser",
		Editable:      true,
		GraphTooltip:  1,
		Time:          span{from, "now"},
		Refresh:       "1m",
		SchemaVersion: 39,
		Links:         neighbours(name),
		Templating:    list{variables},
		Annotations:   list{[]object{}},
		Panels:        layout(parts),
	}
}

// columns is how wide Grafana's grid is.
const columns = 24

// layout places the panels from left to right. A row's title begins a line.
func layout(parts []part) []shown {
	var out []shown
	x, y, height := 0, 0, 0
	for i, p := range parts {
		s := p.shown
		if x+s.GridPos.W > columns || s.Type == "row" {
			x, y, height = 0, y+height, 0
		}
		s.ID, s.GridPos.X, s.GridPos.Y = i+1, x, y
		x, height = x+s.GridPos.W, max(height, s.GridPos.H)
		out = append(out, s)
	}
	return out
}

// prometheus is the data source that the variable names.
var prometheus = &source{Type: "prometheus", UID: "${datasource}"}

// datasource lets people choose among their Prometheus servers.
func datasource() object {
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

// choice is a variable whose values are those of a label.
func choice(name, label, metric, filter string) object {
	return object{
		"name":       name,
		"label":      label,
		"type":       "query",
		"datasource": prometheus,
		"definition": labelValues(metric, filter, name),
		"query":      object{"query": labelValues(metric, filter, name), "refId": "values"},
		"refresh":    2,
		"sort":       1,
		"includeAll": true,
		"multi":      true,
		"current":    object{"text": []string{"All"}, "value": []string{"$__all"}},
	}
}

func labelValues(metric, filter, name string) string {
	return fmt.Sprintf("label_values(%s%s, %s)", metric, filter, name)
}

// variables are those of all dashboards, and those of one. Of job and instance
// only those count that run this program: others have go_ and process_ series too.
func variables(own ...object) []object {
	return append([]object{
		datasource(),
		choice("job", "Job", "approval_relay_build_info", ""),
		choice("instance", "Instance", "approval_relay_build_info", `{job=~"$job"}`),
	}, own...)
}

// words stand in the queries of the tables for what would repeat in each.
var words = strings.NewReplacer(
	"@workflow", `job=~"$job", instance=~"$instance", workflow=~"$workflow"`,
	"@target", `job=~"$job", instance=~"$instance", target=~"$target"`,
	"@channel", `job=~"$job", instance=~"$instance", channel=~"$channel"`,
	"@queue", `job=~"$job", instance=~"$instance", queue=~"$queue"`,
	"@all", `job=~"$job", instance=~"$instance"`,
	"@step", "$__rate_interval",
	"@period", "$__range",
)
