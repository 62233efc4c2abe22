package grafana

// part is a panel in the making, or a row's title.
type part struct{ shown }

// query is one query of a table: its legend, and its expression with words.
type query struct{ legend, expr string }

func row(title string) part {
	return part{shown{
		Type:      "row",
		Title:     title,
		GridPos:   place{H: 1, W: columns},
		Collapsed: new(bool),
		Panels:    &[]any{},
	}}
}

func panel(kind, title, about, unit string, queries []query) part {
	p := part{shown{
		Type:        kind,
		Title:       title,
		Description: about,
		Datasource:  prometheus,
		FieldConfig: object{"defaults": object{"unit": unit, "thresholds": steps("green"), "custom": object{}}, "overrides": []object{}},
	}}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{
			RefID:        string(rune('A' + i)),
			Datasource:   prometheus,
			Expr:         words.Replace(q.expr),
			LegendFormat: q.legend,
			Range:        true,
		})
	}
	return p
}

// number shows what is now, or what came together over the period.
func number(title, about, unit string, queries ...query) part {
	p := panel("stat", title, about, unit, queries).sized(4, 4)
	p.instant("")
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

// lines shows how something moves.
func lines(title, about, unit string, queries ...query) part {
	return series(title, about, unit, queries, object{
		"drawStyle":   "line",
		"lineWidth":   1,
		"fillOpacity": 10,
		"showPoints":  "auto",
	})
}

// bars shows how many there were in each step, on top of each other. The window of
// a rate is a scrape longer than its step (15 s mostly): with steps of five minutes
// or more, a twentieth at the most is in two bars.
func bars(title, about string, queries ...query) part {
	p := series(title, about, "short", queries, object{
		"drawStyle":   "bars",
		"lineWidth":   1,
		"fillOpacity": 80,
		"stacking":    object{"mode": "normal", "group": "A"},
	})
	p.Interval = "5m"
	p.defaults()["decimals"] = 0
	return p
}

func series(title, about, unit string, queries []query, custom object) part {
	p := panel("timeseries", title, about, unit, queries).sized(12, 8)
	p.defaults()["custom"], p.defaults()["color"], p.defaults()["min"] = custom, object{"mode": "palette-classic"}, 0
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

// heat shows the buckets of a histogram over time.
func heat(title, about, unit string, q query) part {
	p := panel("heatmap", title, about, unit, []query{q}).sized(12, 8)
	p.Targets[0].Format, p.Interval = "heatmap", "5m"
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

// grid shows a line for each value of a label and a column for each query, whose
// legend is its title.
func grid(title, about, by, byTitle string, queries ...query) part {
	p := panel("table", title, about, "short", queries).sized(columns, 8)
	p.instant("table")
	names, order := object{by: byTitle}, object{by: 0}
	for i, q := range queries {
		column := "Value #" + p.Targets[i].RefID
		names[column], order[column] = q.legend, i+1
		p.Targets[i].LegendFormat = ""
	}
	p.defaults()["decimals"] = 0
	p.Options = object{"frameIndex": 0, "showHeader": true}
	p.Transformations = []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{"excludeByName": object{"Time": true}, "renameByName": names, "indexByName": order}},
	}
	return p
}

func (p part) defaults() object { return p.FieldConfig["defaults"].(object) } //nolint:forcetypeassert // panel made it

// instant asks for the last moment of the period only.
func (p part) instant(format string) {
	for i := range p.Targets {
		p.Targets[i].Instant, p.Targets[i].Range, p.Targets[i].Format = true, false, format
	}
}

func (p part) sized(w, h int) part {
	p.GridPos.W, p.GridPos.H = w, h
	return p
}

// empty says what a number shows where there is nothing to be counted.
func (p part) empty(text string) part {
	p.defaults()["noValue"] = text
	return p
}

// says shows words in place of 0 and 1.
func (p part) says(zero, one string) part {
	p.defaults()["mappings"] = []object{{"type": "value", "options": object{"0": object{"text": zero}, "1": object{"text": one}}}}
	return p
}

// bounds colours what is at or above the limits: yellow, then red.
func (p part) bounds(yellow, red float64) part {
	return p.limits(steps("green", step{yellow, "yellow"}, step{red, "red"}))
}

// least colours what is below the limits: below green it is yellow, below yellow
// red.
func (p part) least(yellow, green float64) part {
	return p.limits(steps("red", step{yellow, "yellow"}, step{green, "green"}))
}

// limit colours what is at or above the one limit.
func (p part) limit(at float64, colour string) part {
	return p.limits(steps("green", step{at, colour}))
}

// limits are a number's colours, and dashed lines in a chart.
func (p part) limits(thresholds object) part {
	p.defaults()["thresholds"] = thresholds
	if custom, ok := p.defaults()["custom"].(object); ok && p.Type == "timeseries" {
		custom["thresholdsStyle"] = object{"mode": "dashed"}
	}
	return p
}

// duration makes one column of a table seconds.
func (p part) duration(title string, decimals int) part {
	overrides := p.FieldConfig["overrides"].([]object) //nolint:forcetypeassert // panel made it
	p.FieldConfig["overrides"] = append(overrides, object{
		"matcher":    object{"id": "byName", "options": title},
		"properties": []object{{"id": "unit", "value": "s"}, {"id": "decimals", "value": decimals}},
	})
	return p
}

// step is a threshold: what is at or above it has that colour.
type step struct {
	at     float64
	colour string
}

// steps makes thresholds above a colour for the rest.
func steps(base string, above ...step) object {
	list := []object{{"color": base, "value": nil}}
	for _, s := range above {
		list = append(list, object{"color": s.colour, "value": s.at})
	}
	return object{"mode": "absolute", "steps": list}
}
