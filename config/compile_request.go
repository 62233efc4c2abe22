package config

import (
	"slices"

	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/identity"
)

// compileRequestFields returns the fields of requests as the handlers use them.
func (w Workflow) compileRequestFields(c compiler) handlers.RequestFields {
	text := func(name string) handlers.Field[string] {
		return compileField(c, "requests.fields."+name, w.Requests.Fields[name], expression.AsText)
	}
	id := func(name string) handlers.Field[string] {
		return compileField(c, "requests.fields."+name, w.Requests.Fields[name], expression.AsID)
	}
	f := handlers.RequestFields{
		Order:        id("order"),
		Token:        id("token"),
		Callback:     id("callback"),
		Step:         id("step"),
		Title:        compileField(c, "requests.fields.title", w.Requests.Fields["title"], expression.AsShownText),
		Requester:    id("requester"),
		Execution:    id("execution"),
		State:        id("state"),
		Approvers:    compileField(c, "requests.fields.approvers", w.Requests.Fields["approvers"], convertToPeople),
		Started:      compileField(c, "requests.fields.started", w.Requests.Fields["started"], expression.AsTime),
		Deadline:     compileField(c, "requests.fields.deadline", w.Requests.Fields["deadline"], expression.AsTime),
		Timeout:      compileField(c, "requests.fields.timeout", w.Requests.Fields["timeout"], expression.AsDuration),
		RetryCount:   text("retry_count"),
		RedriveCount: text("redrive_count"),
		Output:       map[string]handlers.Field[any]{},
	}
	if w.writesField("form") {
		f.Form = compileField(c, "requests.fields.form", w.Requests.Fields["form"], convertNothing)
	}
	if w.writesField("choices") {
		f.Choices = compileField(c, "requests.fields.choices", w.Requests.Fields["choices"], convertNothing)
	}
	if !w.writesField("order") {
		f.OrderElse = compileField(c, "requests.fields.order", lastPlaces()["order"], expression.AsID)
	}
	if !w.writesField("token") {
		f.TokenElse = compileField(c, "requests.fields.token", lastPlaces()["token"], expression.AsID)
	}
	f.Details = w.compileDetails(c)
	f.HideRest = w.Requests.DetailsRest == "hidden"
	f.Secrets = w.compileSecrets(c)
	for _, key := range sortedNames(w.Callback.OutputFields) {
		source := Expressions{w.Callback.OutputFields[key]}
		f.Output[key] = compileField(c, "callback.output_fields."+key, source, convertNothing)
	}
	return f
}

// convertToPeople returns the people in a text or in a list of texts.
func convertToPeople(v any) ([]string, error) {
	texts, err := expression.AsIDList(v)
	if err != nil {
		return nil, err
	}
	if _, isList := v.([]any); isList {
		return identity.ReadItems(texts)
	}
	return identity.ReadList(texts[0])
}

// writesField reports whether the file names the places of a field of requests. The default places, as config show
// prints them, are not the file's own.
func (w Workflow) writesField(name string) bool {
	return !slices.Equal(w.Requests.Fields[name], requestFields()[name])
}

// compileFieldsNotUsed compiles the places that are not read.
func compileFieldsNotUsed(c compiler) []handlers.PlaceNotUsed {
	var places []handlers.PlaceNotUsed
	byName := fieldsNotUsed()
	for _, name := range sortedNames(byName) {
		places = append(places, handlers.PlaceNotUsed{
			Field: name,
			Value: compileField(c, name, byName[name], convertNothing),
		})
	}
	return places
}

// fieldsNotUsed returns the places that the workflow does not read: those of the fields with the default places.
func (w Workflow) fieldsNotUsed(all []handlers.PlaceNotUsed) []handlers.PlaceNotUsed {
	return slices.DeleteFunc(slices.Clone(all), func(p handlers.PlaceNotUsed) bool { return w.writesField(p.Field) })
}
