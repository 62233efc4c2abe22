package config

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// ShowYAML returns the effective values of a configuration as a file: defaults are filled in, and secrets are hidden.
// Load reads it again, except for the secrets.
func (c *Config) ShowYAML() ([]byte, error) {
	return yaml.MarshalWithOptions(c.effective(), yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
}

// ShowJSON returns the same as ShowYAML, as JSON.
func (c *Config) ShowJSON() ([]byte, error) {
	text, err := json.MarshalIndent(withoutOrder(c.effective()), "", "  ")
	return append(text, '\n'), err
}

// effective returns the values of a configuration in the order of the file's documentation. The defaults of workflows
// are part of the workflows.
func (c *Config) effective() yaml.MapSlice {
	shown := *c
	shown.Defaults = nil
	values, _ := shownValue(reflect.ValueOf(&shown).Elem()).(yaml.MapSlice)
	return values
}

// shownValue returns a value as it is written in a file, or nil if the file leaves it out.
func shownValue(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case secret.Text:
		return shownSecret(value)
	case language.Text:
		return shownWords(value)
	case time.Duration:
		return setup.FormatDuration(value)
	case time.Time:
		if value.Location() == anyZone {
			return value.Format(time.DateOnly)
		}
		return value.Format(time.RFC3339Nano)
	case yaml.InterfaceMarshaler:
		shown, _ := value.MarshalYAML()
		return shown
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return shownValue(v.Elem())
	case reflect.Struct:
		return appendFields(yaml.MapSlice{}, v, false)
	case reflect.Map:
		return shownMap(v)
	case reflect.Slice:
		return shownList(v)
	case reflect.String:
		return strings.ReplaceAll(v.String(), "${", "$${")
	case reflect.Float64:
		if f := v.Float(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f)
		}
	}
	return v.Interface()
}

// shownWords returns a text, or its texts by language.
func shownWords(words language.Text) any {
	if text, ok := words[""]; ok && len(words) == 1 {
		return strings.ReplaceAll(text, "${", "$${")
	}
	byName := map[string]any{}
	for tag, text := range words {
		byName[string(tag)] = strings.ReplaceAll(text, "${", "$${")
	}
	if len(byName) == 0 {
		return nil
	}
	return sortedEntries(byName)
}

// shownSecret returns a secret as the file that it was read from, or hidden.
func shownSecret(text secret.Text) any {
	switch {
	case text.File() != "":
		return yaml.MapSlice{{Key: "file", Value: text.File()}}
	case text.IsZero():
		return nil
	}
	return text.String()
}

// appendFields appends the fields of a struct, and the kind that it names. Fields that are not set can be left out.
func appendFields(fields yaml.MapSlice, v reflect.Value, onlySet bool) yaml.MapSlice {
	v = addressable(v.Type(), v)
	if chooser, ok := v.Addr().Interface().(Chooser); ok && !hasOwnFields(v) {
		kind, settings := chooser.current()
		return append(fields, yaml.MapItem{Key: kind, Value: shownValue(reflect.ValueOf(settings))})
	}
	for f, value := range v.Fields() {
		tag := f.Tag.Get("yaml")
		switch {
		case isInline(f):
			fields = appendFields(fields, value, onlySet)
		case f.IsExported() && tag != "" && tag != "-" && (!onlySet || !value.IsZero()):
			if shown := shownValue(value); shown != nil {
				fields = append(fields, yaml.MapItem{Key: tag, Value: shown})
			}
		}
	}
	return fields
}

// shownMap returns the entries of a map, sorted by their names.
func shownMap(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	byName := map[string]any{}
	for _, key := range v.MapKeys() {
		if shown := shownValue(v.MapIndex(key)); shown != nil {
			byName[key.String()] = shown
		}
	}
	return sortedEntries(byName)
}

// sortedEntries returns entries in the order of their names.
func sortedEntries(byName map[string]any) yaml.MapSlice {
	entries := yaml.MapSlice{}
	for _, name := range sortedNames(byName) {
		entries = append(entries, yaml.MapItem{Key: name, Value: byName[name]})
	}
	return entries
}

func shownList(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	items := make([]any, v.Len())
	for i := range items {
		item := v.Index(i)
		if item.Kind() == reflect.Struct && !isLeaf(item.Type()) {
			items[i] = appendFields(yaml.MapSlice{}, item, true)
		} else {
			items[i] = shownValue(item)
		}
	}
	return items
}

// withoutOrder returns values for the JSON encoder, which sorts names itself.
func withoutOrder(value any) any {
	switch value := value.(type) {
	case yaml.MapSlice:
		byName := map[string]any{}
		for _, item := range value {
			name, _ := item.Key.(string)
			byName[name] = withoutOrder(item.Value)
		}
		return byName
	case []any:
		for i := range value {
			value[i] = withoutOrder(value[i])
		}
	}
	return value
}
