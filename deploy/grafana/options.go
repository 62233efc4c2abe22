package grafana

func (p part) defaults() object { return p.FieldConfig["defaults"].(object) } //nolint:forcetypeassert // newPanel made it

// queryInstant asks for the end of the period only.
func (p part) queryInstant(format string) {
	for i := range p.Targets {
		p.Targets[i].Instant = true
		p.Targets[i].Range = false
		p.Targets[i].Format = format
	}
}

func (p part) sized(width, height int) part {
	p.GridPos.W = width
	p.GridPos.H = height
	return p
}

// withoutData sets the text that a stat panel shows if its query has no result.
func (p part) withoutData(text string) part {
	p.defaults()["noValue"] = text
	return p
}

// withTexts shows a text in place of 0, and another in place of 1.
func (p part) withTexts(zero, one string) part {
	p.defaults()["mappings"] = []object{{
		"type":    "value",
		"options": object{"0": object{"text": zero}, "1": object{"text": one}},
	}}
	return p
}

// badFrom colours values at or above the thresholds: yellow, then red.
func (p part) badFrom(yellow, red float64) part {
	return p.withThresholds(thresholdSteps("green", threshold{yellow, "yellow"}, threshold{red, "red"}))
}

// goodFrom colours values below the thresholds: red below yellow, and yellow below green.
func (p part) goodFrom(yellow, green float64) part {
	return p.withThresholds(thresholdSteps("red", threshold{yellow, "yellow"}, threshold{green, "green"}))
}

// colouredFrom colours values at or above a single threshold.
func (p part) colouredFrom(at float64, colour string) part {
	return p.withThresholds(thresholdSteps("green", threshold{at, colour}))
}

// withThresholds sets the colours of a stat panel, or the dashed lines of a time series.
func (p part) withThresholds(thresholds object) part {
	p.defaults()["thresholds"] = thresholds
	if custom, ok := p.defaults()["custom"].(object); ok && p.Type == timeSeriesType {
		custom["thresholdsStyle"] = object{"mode": "dashed"}
	}
	return p
}

// columnInSeconds gives a column of a table the unit seconds.
func (p part) columnInSeconds(title string, decimals int) part {
	overrides := p.FieldConfig["overrides"].([]object) //nolint:forcetypeassert // newPanel made it
	p.FieldConfig["overrides"] = append(overrides, object{
		"matcher":    object{"id": "byName", "options": title},
		"properties": []object{{"id": "unit", "value": "s"}, {"id": "decimals", "value": decimals}},
	})
	return p
}

// threshold is the colour of values at or above a limit.
type threshold struct {
	at     float64
	colour string
}

// thresholdSteps returns thresholds above a colour for all smaller values.
func thresholdSteps(base string, above ...threshold) object {
	steps := []object{{"color": base, "value": nil}}
	for _, t := range above {
		steps = append(steps, object{"color": t.colour, "value": t.at})
	}
	return object{"mode": "absolute", "steps": steps}
}
