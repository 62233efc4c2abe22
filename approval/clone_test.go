package approval

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sharedParts are the parts of an order that a clone shares with it. A part that a transition changes in place is not among
// them; the model's runTwice runs each transition on a clone, and holds that the order stays as it was.
func sharedParts() []string {
	return []string{
		"Approvals[].Agent",
		"Approvals[].Approvers",
		"Approvals[].Channels",
		"Approvals[].Choices",
		"Approvals[].Content",
		"Approvals[].Details",
		"Approvals[].Edits",
		"Approvals[].Escalations",
		"Approvals[].FallbackChannels",
		"Approvals[].Form.Fields",
		"Approvals[].GroupChannels",
		"Approvals[].Output",
		"Approvals[].PassOnTo",
		"Approvals[].Previous",
		"Approvals[].ProgramChannels",
		"Approvals[].Reminders",
		"Approvals[].RequesterChannels",
		"Approvals[].RequesterTold",
		"Approvals[].Sources",
		"Approvals[].Votes[].Changes",
		"Approvals[].Votes[].Values",
		"Approvals[].Acts[].Proposal.To",
		"Approvals[].Acts[].Proposal.Values",
		"Approvals[].Acts[].To",
		"ShedParts",
		"Unmatched[].Decision.Values",
		"Unmatched[].Decision.Workflows",
	}
}

// TestCloneSharesOnlyWhatStays compares an order with values everywhere with its clone: they are equal, and share exactly
// the listed parts. A new field with memory of its own must be copied, or listed as shared.
func TestCloneSharesOnlyWhatStays(t *testing.T) {
	t.Parallel()
	o := &Order{}
	fillWithSpace(reflect.ValueOf(o).Elem())
	c := o.Clone()
	require.Equal(t, o, c)
	shared := map[string]bool{}
	findShared(reflect.ValueOf(o).Elem(), reflect.ValueOf(c).Elem(), "", shared)
	var got []string
	for path := range shared {
		got = append(got, path)
	}
	require.ElementsMatch(t, sharedParts(), got)
	require.Equal(t, &Order{ID: "o"}, (&Order{ID: "o", newEvents: []Event{{}}, adds: true}).Clone())
}

// TestHandOver hands an order over: it is all there, nothing is left, and no list that clones share has space.
func TestHandOver(t *testing.T) {
	t.Parallel()
	o := &Order{newEvents: []Event{{}}, adds: true, newTexts: []func(){func() {}}}
	fillWithSpace(reflect.ValueOf(o).Elem())
	want := o.Clone()
	got := o.HandOver()
	require.Equal(t, want, got)
	require.Equal(t, &Order{}, o)
	shared := map[string]bool{}
	findShared(reflect.ValueOf(got.Clone()).Elem(), reflect.ValueOf(got).Elem(), "", shared)
	require.ElementsMatch(t, sharedParts(), slices.Collect(maps.Keys(shared)))
}

// fillWithSpace gives each pointer, list and map a value, and each list space for one more.
func fillWithSpace(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillWithSpace(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillWithSpace(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 2))
		fillWithSpace(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	}
}

// findShared adds the places of the memory that two values share. A list that they share must have no space.
func findShared(a, b reflect.Value, path string, shared map[string]bool) {
	switch a.Kind() {
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[time.Time]() || a.Type() == reflect.TypeFor[Token]() {
			return // neither ever changes
		}
		for i := range a.NumField() {
			f := a.Type().Field(i)
			switch {
			case f.Anonymous:
				findShared(a.Field(i), b.Field(i), path, shared)
			case f.IsExported() && f.Tag.Get("json") != "-":
				findShared(a.Field(i), b.Field(i), strings.TrimPrefix(path+"."+f.Name, "."), shared)
			}
		}
	case reflect.Pointer, reflect.Map:
		if a.Pointer() == b.Pointer() {
			shared[path] = true
		} else if a.Kind() == reflect.Pointer {
			findShared(a.Elem(), b.Elem(), path, shared)
		}
	case reflect.Slice:
		if a.Pointer() == b.Pointer() {
			shared[path] = true
			if !isNested(path) && a.Type() != reflect.TypeFor[json.RawMessage]() && b.Cap() > b.Len() {
				shared[path+" has space"] = true
			}
			return
		}
		findShared(a.Index(0), b.Index(0), path+"[]", shared)
	}
}

// isNested reports whether a list belongs to an element that never changes once it is there.
func isNested(path string) bool {
	return slices.ContainsFunc([]string{"Votes[]", "Acts[]", "Unmatched[]", "Form."}, func(part string) bool {
		return strings.Contains(path, part)
	})
}
