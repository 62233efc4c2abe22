package dashboards

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/require"
)

// units are the units in our dashboards, of Grafana's list.
var units = []string{"short", "s", "percentunit", "cps", "reqps", "bytes"}

// faultList collects faults.
type faultList []string

func (f *faultList) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// checkBoards returns the faults of the dashboards: by the rules below, and by the metrics of the program.
func checkBoards(files map[string][]byte, known map[string]family) []string {
	var f faultList
	uids := map[string]string{}
	var all []*board
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b, err := decodeBoard(name, files[name])
		if err != nil {
			f.add("%v", err)
			continue
		}
		if other, taken := uids[textOf(b.Uid)]; taken || textOf(b.Uid) == "" {
			f.add("%s: its uid is missing, or that of %s", name, other)
		}
		uids[textOf(b.Uid)] = name
		all = append(all, b)
	}
	for _, b := range all {
		b.checkRules(&f)
		b.checkVariables(&f, known)
		b.checkLinks(&f, uids)
		for _, p := range b.allPanels() {
			for _, q := range queriesOf(p) {
				for _, fault := range findFaults(q, known) {
					f.add("%s, %q, query %s: %s", b.file, textOf(p.Title), q.ref, fault)
				}
			}
		}
	}
	return f
}

// checkRules checks a dashboard and its panels.
func (b *board) checkRules(f *faultList) {
	if textOf(b.Title) == "" || textOf(b.Description) == "" || len(b.Tags) == 0 {
		f.add("%s: title, description or tags are missing", b.file)
	}
	ids := map[uint32]bool{}
	taken := map[[2]uint32]bool{}
	claim := func(id uint32, at *dashboard.GridPos) {
		if id == 0 || ids[id] {
			f.add("%s: panel id %d is 0 or taken", b.file, id)
		}
		ids[id] = true
		if at == nil || at.W == 0 || at.H == 0 || at.X+at.W > 24 {
			f.add("%s: panel %d is not on the grid", b.file, id)
			return
		}
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if taken[[2]uint32{x, y}] {
					f.add("%s: panel %d overlaps another", b.file, id)
					return
				}
				taken[[2]uint32{x, y}] = true
			}
		}
	}
	place := func(p dashboard.Panel) {
		id := uint32(0)
		if p.Id != nil {
			id = *p.Id
		}
		claim(id, p.GridPos)
		b.checkPanel(f, p)
	}
	for _, p := range b.Panels {
		if p.RowPanel == nil {
			place(*p.Panel)
			continue
		}
		claim(p.RowPanel.Id, p.RowPanel.GridPos)
		outside := taken // the panels of a collapsed row lie above the next row
		taken = maps.Clone(taken)
		for _, inner := range p.RowPanel.Panels {
			place(inner)
		}
		taken = outside
	}
}

func (b *board) checkPanel(f *faultList, p dashboard.Panel) {
	at := fmt.Sprintf("%s, %q", b.file, textOf(p.Title))
	if textOf(p.Title) == "" || textOf(p.Description) == "" {
		f.add("%s: title or description is missing", at)
	}
	if !slices.Contains(kinds, p.Type) {
		f.add("%s: %s is an unknown type of panel", at, p.Type)
	}
	if p.Datasource == nil || textOf(p.Datasource.Uid) != "${datasource}" {
		f.add("%s: its data source is not the variable", at)
	}
	if p.FieldConfig == nil || !slices.Contains(units, textOf(p.FieldConfig.Defaults.Unit)) {
		f.add("%s: its unit is missing or unknown", at)
	}
	if p.FieldConfig == nil || p.FieldConfig.Defaults.Thresholds == nil || len(p.FieldConfig.Defaults.Thresholds.Steps) == 0 {
		f.add("%s: thresholds are missing", at)
	} else if !isAscending(p.FieldConfig.Defaults.Thresholds.Steps) {
		f.add("%s: thresholds are not in order", at)
	}
	if len(queriesOf(p)) == 0 || len(queriesOf(p)) != len(p.Targets) {
		f.add("%s: queries are missing, or not of Prometheus", at)
	}
	refs := map[string]bool{}
	for _, q := range queriesOf(p) {
		if q.ref == "" || refs[q.ref] {
			f.add("%s: two queries are called %q", at, q.ref)
		}
		refs[q.ref] = true
		if q.datasource != "${datasource}" {
			f.add("%s: the data source of query %s is not the variable", at, q.ref)
		}
	}
}

// isAscending reports whether thresholds begin without a value and rise.
func isAscending(steps []dashboard.Threshold) bool {
	for i, s := range steps {
		if (s.Value == nil) != (i == 0) || i > 1 && *s.Value <= *steps[i-1].Value {
			return false
		}
	}
	return true
}

// builtin are Grafana's own variables.
var builtin = []string{"__rate_interval", "__range"}

var reference = regexp.MustCompile(`\$\{?(\w+)`)

// definition matches the series and the label of a variable.
var definition = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// checkVariable checks the query of a variable.
func checkVariable(f *faultList, v dashboard.VariableModel, known map[string]family) {
	if v.Datasource == nil || textOf(v.Datasource.Uid) != "${datasource}" {
		f.add("the data source of the variable %s is not the variable", v.Name)
	}
	m := definition.FindStringSubmatch(textOf(v.Definition))
	if m == nil || v.Query == nil || v.Query.Map["query"] != textOf(v.Definition) {
		f.add("the query of the variable %s is not its definition, or none of label values", v.Name)
		return
	}
	series, _, _ := strings.Cut(m[1], "{")
	of, _, ok := familyOf(series, known)
	if !ok || !slices.Contains(append([]string{"namespace", "job", "instance"}, of.labels...), m[2]) {
		f.add("there is no %s{%s} for the variable %s", series, m[2], v.Name)
	}
}

// checkVariables checks that every variable is defined and used.
func (b *board) checkVariables(f *faultList, known map[string]family) {
	used, defined := map[string]bool{}, map[string]bool{}
	use := func(s string) {
		for _, m := range reference.FindAllStringSubmatch(s, -1) {
			used[m[1]] = true
		}
	}
	for _, v := range b.Templating.List {
		defined[v.Name] = true
		use(textOf(v.Definition))
		if v.Type == dashboard.VariableTypeQuery {
			var of faultList
			checkVariable(&of, v, known)
			for _, fault := range of {
				f.add("%s: %s", b.file, fault)
			}
		}
	}
	for _, p := range b.allPanels() {
		for _, q := range queriesOf(p) {
			use(q.expr)
			use(q.datasource)
		}
	}
	for _, l := range b.Links {
		use(textOf(l.Url))
	}
	for name := range defined {
		if !used[name] {
			f.add("%s: the variable %s is not used", b.file, name)
		}
	}
	for name := range used {
		if !defined[name] && !slices.Contains(builtin, name) {
			f.add("%s: there is no variable %s", b.file, name)
		}
	}
	for _, name := range []string{"datasource", "namespace", "job", "instance"} {
		if !defined[name] {
			f.add("%s: the variable %s is missing", b.file, name)
		}
	}
}

// elsewhere are the links that lead out of Grafana: to the console, and to the runbook.
var elsewhere = []string{
	"${console}/console/",
	"https://github.com/approval-relay/approval-relay/blob/main/docs/runbook.md",
}

// checkLinks checks that links lead to all other dashboards, with the same period and variables, and elsewhere.
func (b *board) checkLinks(f *faultList, uids map[string]string) {
	linked := map[string]bool{textOf(b.Uid): true}
	for _, url := range elsewhere {
		if !slices.ContainsFunc(b.Links, func(l dashboard.DashboardLink) bool { return textOf(l.Url) == url }) {
			f.add("%s: no link leads to %s", b.file, url)
		}
	}
	for _, l := range b.Links {
		if slices.Contains(elsewhere, textOf(l.Url)) {
			continue
		}
		uid, ok := strings.CutPrefix(textOf(l.Url), "/d/")
		if !ok || uids[uid] == "" {
			f.add("%s: the link %q leads nowhere", b.file, l.Title)
		}
		if !l.KeepTime || !l.IncludeVars {
			f.add("%s: the link %q loses the time or the variables", b.file, l.Title)
		}
		linked[uid] = true
	}
	for uid := range uids {
		if !linked[uid] {
			f.add("%s: no link leads to %s", b.file, uid)
		}
	}
}

// The dashboards follow the rules.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, fault := range checkBoards(readFiles(t), registeredMetrics(t)) {
		t.Error(fault)
	}
}

// Each rule finds a planted fault.
func TestRulesNotice(t *testing.T) {
	t.Parallel()
	const asked = `round(sum(increase(approval_relay_requests_total{` +
		`namespace=~\"$namespace\", job=~\"$job\", instance=~\"$instance\", workflow=~\"$workflow\"}[$__range])))`
	cases := map[string]struct{ old, changed, want string }{
		"unknown field":     {`"graphTooltip": 1`, `"grafTooltip": 1`, "unexpected field"},
		"no uid":            {`"uid": "approval-relay-approvals"`, `"uid": ""`, "its uid is missing"},
		"another's uid":     {`"uid": "approval-relay-approvals"`, `"uid": "approval-relay-worker"`, "or that of"},
		"no title":          {`"title": "Pending"`, `"title": ""`, "title or description is missing"},
		"no description":    {`"description": "Approval requests in this period."`, `"description": ""`, "title or description is missing"},
		"id":                {`"id": 3,`, `"id": 2,`, "panel id 2 is 0 or taken"},
		"off the grid":      {`"x": 20,`, `"x": 21,`, "is not on the grid"},
		"overlap":           {`"x": 20,`, `"x": 19,`, "overlaps another"},
		"unit":              {`"unit": "percentunit"`, `"unit": "parsecs"`, "its unit is missing"},
		"no thresholds":     {`"steps": [`, `"steps": [], "was": [`, "thresholds are missing"},
		"thresholds":        {`"value": 0.9`, `"value": 0.1`, "not in order"},
		"variable's source": {`"uid": "${datasource}"`, `"uid": "prod"`, "data source of the variable namespace"},
		"variable's query":  {`"query": "label_values(`, `"query": "label_value(`, "is not its definition"},
		"variable's series": {`"definition": "label_values(approval_relay_build_info{namespace=~\"$namespace\"}, job)",
        "includeAll": true,
        "label": "Job",
        "multi": true,
        "name": "job",
        "query": {
          "query": "label_values(approval_relay_build_info{namespace=~\"$namespace\"}, job)"`, `"definition": ` +
			`"label_values(approval_relay_info{namespace=~\"$namespace\"}, job)",
        "includeAll": true,
        "label": "Job",
        "multi": true,
        "name": "job",
        "query": {
          "query": "label_values(approval_relay_info{namespace=~\"$namespace\"}, job)"`, "there is no approval_relay_info{job}"},
		"panel's source": {`"datasource": {
        "type": "prometheus",
        "uid": "${datasource}"`, `"datasource": {
        "uid": "prod"`, "its data source is not the variable"},
		"query's source": {`"datasource": {
            "type": "prometheus",
            "uid": "${datasource}"`, `"datasource": {
            "type": "prometheus", "uid": "prod"`, "the data source of query A is not"},
		"kind of panel":        {`"type": "timeseries"`, `"type": "graph"`, "unknown type of panel"},
		"query's name":         {`"refId": "B"`, `"refId": "A"`, `two queries are called "A"`},
		"no such variable":     {asked, strings.Replace(asked, "$workflow", "$flow", 1), "there is no variable flow"},
		"unused variable":      {`"name": "workflow"`, `"name": "flow"`, "the variable flow is not used"},
		"dead link":            {`/d/approval-relay-worker`, `/d/approval-relay-works`, "leads nowhere"},
		"no link":              {`/d/approval-relay-worker`, `/d/approval-relay-delivery`, "no link leads to approval-relay-worker"},
		"link without time":    {`"keepTime": true`, `"keepTime": false`, "loses the time"},
		"no such metric":       {asked, strings.Replace(asked, "requests_total", "request_total", 1), "no such series"},
		"no such label":        {asked, strings.Replace(asked, "workflow=~", "flow=~", 1), "no label flow"},
		"all jobs":             {asked, strings.Replace(asked, `job=~\"$job\", `, "", 1), "of any namespace, job"},
		"fixed window":         {asked, strings.Replace(asked, "$__range", "5m", 1), "window"},
		"window of a chart":    {"[$__rate_interval]", "[$__range]", "window"},
		"counter as it is":     {asked, strings.ReplaceAll(strings.Replace(asked, "increase(", "(", 1), "[$__range]", ""), "is a counter"},
		"rate of a gauge":      {asked, strings.Replace(asked, "requests_total", "approvals_pending", 1), "is a gauge"},
		"quantile without le":  {`sum by (workflow, le)`, `sum by (workflow)`, "without le"},
		"label of a legend":    {`"legendFormat": "{{via}}"`, `"legendFormat": "{{way}}"`, "nothing to name way by"},
		"grouped by no label":  {`sum by (via)`, `sum by (way)`, "no label way"},
		"nothing in its place": {`"expr": "` + asked + `"`, `"expr": ""`, "no series"},
	}
	known := registeredMetrics(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := readFiles(t)
			before := string(all["approvals.json"])
			require.Contains(t, before, tc.old)
			all["approvals.json"] = []byte(strings.Replace(before, tc.old, tc.changed, 1))
			require.Contains(t, strings.Join(checkBoards(all, known), "\n"), tc.want)
		})
	}
}
