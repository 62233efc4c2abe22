package grafana

import (
	"slices"
	"strings"
)

// The types of panels.
const (
	rowType        = "row"
	statType       = "stat"
	tableType      = "table"
	timeSeriesType = "timeseries"
	heatmapType    = "heatmap"
)

// part is a panel under construction, or the title of a row.
type part struct{ shown }

// query is a query of a panel: its legend, and its expression with placeholders.
type query struct{ legend, expr string }

// newRow begins a row of panels.
func newRow(title string) part {
	return part{shown{
		Type:      rowType,
		Title:     title,
		GridPos:   place{H: 1, W: columns},
		Collapsed: new(bool),
		Panels:    &[]shown{},
	}}
}

// collapsed hides the panels of a row until the viewer opens it.
func (p part) collapsed() part {
	*p.Collapsed = true
	return p
}

// wholeCounts rounds the counts of events, which Prometheus extrapolates to the ends of a window: one event in a short
// period is 1, and not 1.07.
func wholeCounts(queries []query) []query {
	out := slices.Clone(queries)
	for i, q := range out {
		if strings.Contains(q.expr, "increase(") && !strings.Contains(q.expr, "histogram_quantile") {
			out[i].expr = "round(" + strings.TrimSpace(q.expr) + ")"
		}
	}
	return out
}

func newPanel(kind, title, about, unit string, queries []query) part {
	p := part{shown{
		Type:        kind,
		Title:       title,
		Description: about,
		Datasource:  prometheus,
		FieldConfig: object{
			"defaults":  object{"unit": unit, "thresholds": thresholdSteps("green"), "custom": object{}},
			"overrides": []object{},
		},
	}}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{
			RefID:        string(rune('A' + i)),
			Datasource:   prometheus,
			Expr:         expand(q.expr),
			LegendFormat: q.legend,
			Range:        true,
		})
	}
	return p
}

// newStat shows a current value, or the total of the period.
func newStat(title, about, unit string, queries ...query) part {
	if unit == "short" {
		queries = wholeCounts(queries)
	}
	p := newPanel(statType, title, about, unit, queries).sized(4, 4)
	p.queryInstant("")
	p.defaults()["color"] = object{"mode": "thresholds"}
	delete(p.defaults(), "custom")
	p.Options = object{
		"graphMode":              "none",
		"colorMode":              "value",
		"justifyMode":            "auto",
		"textMode":               "auto",
		"wideLayout":             true,
		"showPercentChange":      false,
		"percentChangeColorMode": "standard",
		"orientation":            "auto",
		"reduceOptions":          object{"values": false, "calcs": []string{"lastNotNull"}},
	}
	return p
}

// newLines shows values over time as lines.
func newLines(title, about, unit string, queries ...query) part {
	return newTimeSeries(title, about, unit, queries, object{
		"drawStyle":   "line",
		"lineWidth":   1,
		"fillOpacity": 10,
		"showPoints":  "auto",
	})
}

// newBars shows the events of each step as stacked bars. The window of a rate is a scrape interval longer than its
// step, mostly by 15 s. With steps of five minutes or more, at most a twentieth of the events is counted in two bars.
func newBars(title, about string, queries ...query) part {
	p := newTimeSeries(title, about, "short", wholeCounts(queries), object{
		"drawStyle":   "bars",
		"lineWidth":   1,
		"fillOpacity": 80,
		"stacking":    object{"mode": "normal", "group": "A"},
	})
	p.Interval = "5m"
	p.defaults()["decimals"] = 0
	return p
}

func newTimeSeries(title, about, unit string, queries []query, custom object) part {
	p := newPanel(timeSeriesType, title, about, unit, queries).sized(12, 8)
	p.defaults()["custom"] = custom
	p.defaults()["color"] = object{"mode": "palette-classic"}
	p.defaults()["min"] = 0
	p.Options = object{
		"legend": object{
			"displayMode": "list",
			"placement":   "bottom",
			"showLegend":  true,
			"calcs":       []string{},
		},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p
}

// newHeatmap shows the buckets of a histogram over time.
func newHeatmap(title, about, unit string, q query) part {
	p := newPanel(heatmapType, title, about, unit, []query{q}).sized(12, 8)
	p.Targets[0].Format = "heatmap"
	p.Interval = "5m"
	p.Options = object{
		"calculate": false,
		"showValue": "never",
		"cellGap":   1,
		"yAxis":     object{"unit": unit, "axisPlacement": "left"},
		"color": object{
			"mode":     "scheme",
			"scheme":   "Oranges",
			"steps":    64,
			"exponent": 0.5,
			"fill":     "dark-orange",
			"reverse":  false,
		},
		"legend":    object{"show": true},
		"tooltip":   object{"mode": "single", "yHistogram": false, "showColorScale": false},
		"exemplars": object{"color": "red"},
	}
	return p
}

// newTable shows a line for each value of a label, and a column for each query. The legend of a query is the title of
// its column.
func newTable(title, about, label, labelTitle string, queries ...query) part {
	p := newPanel(tableType, title, about, "short", wholeCounts(queries)).sized(columns, 8)
	p.queryInstant("table")
	names, order := object{label: labelTitle}, object{label: 0}
	for i, q := range queries {
		column := "Value #" + p.Targets[i].RefID
		names[column] = q.legend
		order[column] = i + 1
		p.Targets[i].LegendFormat = ""
	}
	p.defaults()["decimals"] = 0
	p.Options = object{"frameIndex": 0, "showHeader": true}
	p.Transformations = []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{
			"excludeByName": object{"Time": true},
			"renameByName":  names,
			"indexByName":   order,
		}},
	}
	return p
}
