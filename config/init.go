package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/secret"
)

// startingHead is the beginning of the starting file.
const startingHead = `# Configuration of approval-relay.
#
# The settings that are not commented out are a first try on one machine: requests and decisions come over HTTP, links are
# printed on the standard output. All other settings are comments, with their defaults or an example; remove the first
# "# " of each line of a block to use it. Check the file with: approval-relay check config relay.yaml
#
# yaml-language-server: $schema=` + SchemaURL + `
`

// startingValues returns the settings of the starting file, as they are written there.
func startingValues() map[string]string {
	return map[string]string{
		"log.level":                "info",
		"public.listen":            `":8080"`,
		"public.url":               "http://localhost:8080",
		"operator.listen":          "127.0.0.1:9090",
		"store.sqlite":             "approval-relay.db",
		"keys.file":                "approval-relay.keys",
		"workflows.NAME.approvers": "[ann@example.com]",
		"workflows.NAME.notify":    "[console]",
		"workflows.NAME.deadline":  "24h",
		"channels.NAME.log":        "{}",
	}
}

// StartingFile returns an annotated configuration file: a few settings, and all others as comments. To use a commented
// block, remove the first "# " of its lines.
func StartingFile() string {
	w := &startingWriter{values: startingValues()}
	w.text.WriteString(startingHead)
	for _, part := range Describe() {
		w.text.WriteString("\n")
		part.Doc = strings.ToUpper(part.Doc[:1]) + part.Doc[1:] + "."
		w.writeField(part)
	}
	return w.text.String()
}

// startingWriter writes the starting file, or a block of it.
type startingWriter struct {
	text   strings.Builder
	indent string
	values map[string]string // by path; all other settings are comments
	all    bool              // the block is a comment as a whole, so that nothing within it is one
}

// isSet reports whether a path, or a path within it, is not a comment.
func (w *startingWriter) isSet(path string) bool {
	for set := range w.values {
		if rest, ok := strings.CutPrefix(set, path); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return w.all
}

func (w *startingWriter) writeLine(line string) { w.text.WriteString(w.indent + line + "\n") }

// writeComment writes a block as a comment.
func (w *startingWriter) writeComment(write func(block *startingWriter)) {
	block := &startingWriter{all: true}
	write(block)
	for line := range strings.Lines(block.text.String()) {
		w.writeLine("# " + strings.TrimSuffix(line, "\n"))
	}
}

// writeIndented writes a block that is indented.
func (w *startingWriter) writeIndented(write func()) {
	outer := w.indent
	w.indent += "  "
	write()
	w.indent = outer
}

// writeDoc writes a description, wrapped.
func (w *startingWriter) writeDoc(doc string) {
	const width = 100
	line := "#"
	for word := range strings.FieldsSeq(doc) {
		if line != "#" && len(w.indent)+len(line)+len(word) > width {
			w.writeLine(line)
			line = "#"
		}
		line += " " + word
	}
	if line != "#" {
		w.writeLine(line)
	}
}

// writeField writes the description of a field, and the field or a comment.
func (w *startingWriter) writeField(f *Field) {
	w.writeDoc(f.Doc)
	if w.isSet(f.Path) {
		w.writeSetting(f)
		return
	}
	w.writeComment(func(block *startingWriter) { block.writeSetting(f) })
}

// writeSetting writes a field, and the fields within it.
func (w *startingWriter) writeSetting(f *Field) {
	value := w.values[f.Path]
	switch {
	case value != "":
		w.writeLine(f.Name + ": " + value)
	case len(f.Fields) == 0:
		w.writeLine(f.Name + ": " + exampleValue(f))
	default:
		w.writeLine(f.Name + ":")
		w.writeIndented(func() { w.writeWithin(f) })
	}
}

func (w *startingWriter) writeWithin(f *Field) {
	for _, field := range f.Fields {
		switch field.Name {
		case anyName:
			w.writeNamed(f, field)
		case anyItem:
			w.writeItem(field)
		default:
			w.writeField(field)
		}
	}
}

// writeNamed writes an example of a named part, for each of its kinds if it has kinds. Fields beside the kinds stand in
// the first example only.
func (w *startingWriter) writeNamed(parent, named *Field) {
	kinds := slices.DeleteFunc(slices.Clone(named.Fields), func(f *Field) bool { return !f.IsKind })
	others := slices.DeleteFunc(slices.Clone(named.Fields), func(f *Field) bool { return f.IsKind })
	if len(kinds) == 0 {
		w.writeExample(exampleName(parent.Name), named.Path, others)
		return
	}
	for i, kind := range kinds {
		fields := []*Field{kind}
		if i == 0 {
			fields = append(fields, others...)
		}
		w.writeExample(exampleName(kind.Name), kind.Path, fields)
	}
}

func (w *startingWriter) writeExample(name, path string, fields []*Field) {
	write := func(block *startingWriter) {
		block.writeLine(name + ":")
		block.writeIndented(func() {
			for _, f := range fields {
				block.writeField(f)
			}
		})
	}
	if w.isSet(path) {
		write(w)
	} else {
		w.writeComment(write)
	}
}

// writeItem writes an example of a list's item.
func (w *startingWriter) writeItem(item *Field) {
	var fields []string
	for _, f := range item.Fields {
		if f.Name != "before" { // stands in place of after
			fields = append(fields, f.Name+": "+exampleValue(f))
		}
	}
	w.writeLine("- {" + strings.Join(fields, ", ") + "}")
}

// exampleName returns a name for an example of a part or a kind.
func exampleName(of string) string {
	names := map[string]string{
		"workflows": "orders",
		"decisions": "results",
		"people":    "ann@example.com",
		"log":       "console",
		"smtp":      "mail",
	}
	if name, ok := names[of]; ok {
		return name
	}
	return "my-" + of
}

// exampleValue returns the default of a field, or an example, as it is written in the file.
func exampleValue(f *Field) string {
	if text := f.DefaultText(); text != "" && !strings.HasPrefix(text, ":") {
		return text
	}
	switch f.Type {
	case reflect.TypeFor[secret.Text]():
		return fmt.Sprintf(`"${%s}"`, strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
	case reflect.TypeFor[time.Duration]():
		return "0s"
	case reflect.TypeFor[time.Time]():
		return "2026-12-24"
	}
	switch f.Type.Kind() {
	case reflect.Slice:
		return "[]"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "{}"
	case reflect.Bool:
		return "false"
	case reflect.Int, reflect.Float64:
		return "0"
	}
	return `""`
}
