// Package grafana makes the dashboards beside it. The tables of panels in approvals.go, delivery.go and worker.go are
// the source, and the JSON files are imported by Grafana. A panel is its title, its description, its unit and its
// queries.
//
//	go test ./deploy/grafana -update
//
// writes the files again. The package test/dashboards checks the files, not this package.
//
// Figures that are read from the store are summed over the processes, because each has a store of its own. A ratio or a
// quantile of no events is NaN, and a stat panel would show that: ">= 0" filters it, and the panel shows its noValue.
package grafana

import (
	"bytes"
	"encoding/json"
)

// Dashboards returns the dashboards by the names of their files.
func Dashboards() map[string]Dashboard {
	return map[string]Dashboard{
		"approvals.json": approvalsDashboard(),
		"delivery.json":  deliveryDashboard(),
		"worker.json":    workerDashboard(),
	}
}

// JSON returns the content of the dashboard's file.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read the file
	e.SetIndent("", "  ")
	err := e.Encode(d)
	return b.Bytes(), err
}

// tag is the tag of every dashboard.
const tag = "approval-relay"

func dashboardUID(name string) string { return tag + "-" + name }

// linksFrom returns the links from a dashboard to the others.
func linksFrom(name string) []link {
	var out []link
	for _, to := range []struct{ name, title, about string }{
		{"approvals", "Approvals", "Requests, pending approvals, decisions, timeouts"},
		{"delivery", "Delivery", "Callbacks, notifications, retries, dead letters"},
		{"worker", "Worker", "Queues, handlers, store, sweeper, runtime"},
	} {
		if to.name != name {
			out = append(out, link{
				Title:       to.title,
				Type:        "link",
				Icon:        "dashboard",
				Tooltip:     to.about,
				URL:         "/d/" + dashboardUID(to.name),
				Tags:        []string{},
				IncludeVars: true,
				KeepTime:    true,
			})
		}
	}
	for _, to := range []struct{ title, url, about string }{
		{"Console", "${console}/console/", "Lists, decisions and redrives, in the worker's console"},
		{"Runbook", runbook, "What each alert means, and what to do"},
	} {
		out = append(out, link{
			Title:       to.title,
			Type:        "link",
			Icon:        "external link",
			Tooltip:     to.about,
			URL:         to.url,
			Tags:        []string{},
			TargetBlank: true,
		})
	}
	return out
}

// runbook is the address of docs/runbook.md.
const runbook = "https://github.com/approval-relay/approval-relay/blob/main/docs/runbook.md"

// annotations mark the starts of workers, as after a deployment, and the reloads of the configuration.
func annotations() []object {
	mark := func(name, colour, expr string) object {
		return object{
			"name":       name,
			"datasource": prometheus,
			"enable":     true,
			"iconColor":  colour,
			"expr":       expand(expr),
		}
	}
	return []object{
		mark("Starts", "blue", `time() - process_start_time_seconds{@all} < 60`),
		mark("Reloads", "purple", `
			time() - approval_relay_config_last_reload_success_timestamp_seconds{@all} < 60
			unless on (namespace, job, instance) (time() - process_start_time_seconds{@all} < 120)`),
	}
}

// newDashboard lays out the parts and numbers them. The period that the dashboard shows begins at from.
func newDashboard(name, about, from string, variables []object, parts ...part) Dashboard {
	return Dashboard{
		UID:           dashboardUID(name),
		Title:         "Approval relay: " + name,
		Description:   about,
		Tags:          []string{tag},
		Timezone:      "browser",
		Editable:      true,
		GraphTooltip:  1,
		Time:          span{from, "now"},
		Refresh:       "1m",
		SchemaVersion: 39,
		Links:         linksFrom(name),
		Templating:    list{variables},
		Annotations:   list{annotations()},
		Panels:        layOut(parts),
	}
}
