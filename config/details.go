package config

import (
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/language"
)

// Details are the configured details of requests, in the order of the file: a mapping of names, or a list with names. A file
// that is written by a program often has its mappings sorted; it uses the list.
type Details []Detail

// Detail is a configured detail. In a mapping its expression can stand alone.
type Detail struct {
	Name     string        `yaml:"name" doc:"name of the detail, where details is a list"`
	Value    string        `yaml:"value" doc:"CEL expression of the value"`
	Label    language.Text `yaml:"label" doc:"what people read in place of the name: a text, or texts by language"`
	Kind     string        `yaml:"kind" enum:"text,link,amount,date,markdown,table,difference,picture,document" doc:"how the value is shown: text, link, amount, date, markdown, table, difference, picture or document; empty: an https address is a link, a list of objects is a table, and everything else is a text"`
	Currency string        `yaml:"currency" doc:"of an amount: a code such as EUR, or a CEL expression; an object with amount and currency needs none"`
	Before   string        `yaml:"before" doc:"of a difference: CEL expression of the value before it"`
	Columns  []string      `yaml:"columns" doc:"of a table: members that come first, in this order"`
	Required bool          `yaml:"required" doc:"refuse a request without the value; otherwise it is shown as not given"`

	place   string // in the file, from "details" on
	isAlone bool   // the expression stands alone
}

// decodeDetails fills the details from a mapping or a list. A detail of the workflow replaces that of the defaults with
// the same name, at its place.
func (d *decoder) decodeDetails(n ast.Node, v reflect.Value, path string) {
	all, _ := v.Interface().(Details)
	all = append(Details{}, all...)
	list, isMapping := entries(n)
	sequence, isList := n.(*ast.SequenceNode)
	switch {
	case isMapping:
		for _, entry := range list {
			name := keyText(entry.Key)
			d.recordLine(path+"."+name, entry.Key)
			one := d.decodeDetail(entry.Value, path+"."+name)
			one.place = "details." + name
			one.Name, _ = d.variables.expandText(name, path+"."+name)
			all = all.with(one)
		}
	case isList:
		for i, item := range sequence.Values {
			at := path + index(i)
			d.findings.lines[at] = item.GetToken().Position.Line
			one := d.decodeDetail(item, at)
			one.place = "details" + index(i)
			all = append(all, one)
		}
	default:
		d.findings.fault(path, "is not a mapping of fields, such as {Amount: body.total}, or a list of them")
		d.findings.markUnreadable(path)
	}
	v.Set(reflect.ValueOf(all))
}

// with returns the details with a further detail. It replaces the detail of the same name.
func (all Details) with(one Detail) Details {
	if i := slices.IndexFunc(all, func(d Detail) bool { return d.Name == one.Name }); i >= 0 {
		all[i] = one
		return all
	}
	return append(all, one)
}

func (d *decoder) decodeDetail(n ast.Node, path string) Detail {
	var one Detail
	v := reflect.ValueOf(&one).Elem()
	if _, isMapping := entries(n); isMapping {
		d.decode(n, v, path)
	} else {
		one.isAlone = true
		d.decode(n, v.FieldByName("Value"), path)
	}
	return one
}

// compileDetails returns the details as the handlers use them. It reports their faults.
func (w Workflow) compileDetails(c compiler) []handlers.Detail {
	var all []handlers.Detail
	if w.Requests.Details != nil {
		all = []handlers.Detail{} // configured to be none
	}
	known := map[string]bool{}
	for _, one := range w.Requests.Details {
		check := c.check.At("requests." + one.place)
		if one.Kind != "" {
			check.Enums(&one)
		}
		switch {
		case one.Name == "":
			check.Fault("name", "is missing")
		case known[one.Name]:
			check.Fault("name", "%q occurs twice", one.Name)
		case one.Value == "":
			check.Fault("", "has no CEL expression; it is the value, or stands in value: {value: body.total}")
		}
		known[one.Name] = true
		all = append(all, one.compile(compiler{cel: c.cel, check: check}))
	}
	return all
}

func (one Detail) compile(c compiler) handlers.Detail {
	valueField := "value"
	if one.isAlone {
		valueField = ""
	}
	d := handlers.Detail{
		Spec: details.Spec{
			Name:     one.Name,
			Label:    one.Label,
			HasKind:  one.Kind != "",
			Required: one.Required,
			Columns:  one.Columns,
			Source:   one.Value,
		},
		Value: compileField(c, valueField, Expressions{one.Value}, convertNothing),
	}
	if one.Kind != "text" {
		d.Kind = approval.FieldKind(one.Kind)
	}
	one.checkKind(c)
	switch {
	case details.IsCurrency(one.Currency):
		d.Spec.Currency = one.Currency
	case one.Currency != "":
		d.Currency = compileField(c, "currency", Expressions{one.Currency}, convertNothing)
		d.OtherSources = append(d.OtherSources, one.Currency)
	}
	if one.Before != "" {
		d.Before = compileField(c, "before", Expressions{one.Before}, convertNothing)
		d.OtherSources = append(d.OtherSources, one.Before)
	}
	return d
}

// checkKind reports settings that belong to another kind.
func (one Detail) checkKind(c compiler) {
	if one.Currency != "" && one.Kind != "amount" {
		c.check.Fault("currency", "is for kind: amount")
	}
	if one.Before != "" && one.Kind != "difference" {
		c.check.Fault("before", "is for kind: difference")
	}
	if one.Kind == "difference" && one.Before == "" {
		c.check.Fault("before", "is missing: a difference needs the value before it")
	}
	if len(one.Columns) > 0 && one.Kind != "table" && one.Kind != "" {
		c.check.Fault("columns", "is for kind: table")
	}
}

// compileSecrets returns the names of values that approvers do not see.
func (w Workflow) compileSecrets(c compiler) *details.Secrets {
	for field, patterns := range map[string][]string{
		"requests.secrets":    w.Requests.Secrets,
		"requests.not_secret": w.Requests.NotSecret,
	} {
		for i, pattern := range patterns {
			if _, err := details.CompilePattern(pattern); err != nil {
				c.check.Fault(field+index(i), "%s", err)
			}
		}
	}
	secrets, _ := details.NewSecrets(w.Requests.Secrets, w.Requests.NotSecret)
	return secrets
}
