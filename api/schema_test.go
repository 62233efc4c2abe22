package api

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// publicTypes are the types of the JSON API's bodies. The schemas of openapi.json are made from them, their comments
// and their fields' comments. Requests take no other fields.
func publicTypes() (answers, requests []any) {
	return []any{RequestAccepted{}, DecisionResult{}, OrderList{}, Order{}, ExportedApproval{}, DeadLetterList{}, LettersDismissed{}, RefusedList{}, RefusedBody{}, RedriveReport{}, Reloaded{}, ActResult{}, ReceiptReply{}, ControlList{}, Problem{}},
		[]any{DecideRequest{}, CancelRequest{}, RemindRequest{}, ApproversRequest{}, DeadlineRequest{}, DismissRequest{}, ConfirmRequest{}, DismissLettersRequest{}, RedriveRequest{}, ControlRequest{}, ResumeRequest{}}
}

// enums are the types with a fixed set of values, and the name of their schema.
func enums() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[approval.Status]():           "Status",
		reflect.TypeFor[approval.VerdictCode]():      "Verdict",
		reflect.TypeFor[approval.Outcome]():          "Outcome",
		reflect.TypeFor[approval.ActKind]():          "ActKind",
		reflect.TypeFor[approval.Via]():              "Via",
		reflect.TypeFor[approval.Assurance]():        "Assurance",
		reflect.TypeFor[approval.PolicyKind]():       "PolicyKind",
		reflect.TypeFor[approval.EventKind]():        "EventKind",
		reflect.TypeFor[approval.NotificationKind](): "NotificationKind",
		reflect.TypeFor[approval.Attention]():        "Attention",
		reflect.TypeFor[approval.Truth]():            "Truth",
		reflect.TypeFor[CallbackState]():             "CallbackState",
		reflect.TypeFor[NotificationState]():         "NotificationState",
		reflect.TypeFor[UndeliverablePolicy]():       "UndeliverablePolicy",
		reflect.TypeFor[approval.CommentRule]():      "CommentRule",
		reflect.TypeFor[form.Kind]():                 "FieldKind",
		reflect.TypeFor[form.FaultCode]():            "FaultCode",
	}
}

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(append(append(name, ':'), value...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// ordered turns decoded YAML into objects.
func ordered(v any) any {
	switch x := v.(type) {
	case yaml.MapSlice:
		var out object
		for _, item := range x {
			out = append(out, member{item.Key.(string), ordered(item.Value)})
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = ordered(x[i])
		}
		return out
	}
	return v
}

// source is the comments and constants of a package.
type source struct {
	types  map[string]string   // comment by type
	fields map[string]string   // comment by Type.Field
	values map[string][]string // values of the constants by type
}

func readSource(t *testing.T, dir string) source {
	t.Helper()
	s := source{map[string]string{}, map[string]string{}, map[string][]string{}}
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".go") || strings.HasSuffix(name.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name.Name(), nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if decl, ok := d.(*ast.GenDecl); ok {
				for _, spec := range decl.Specs {
					s.add(t, decl, spec)
				}
			}
		}
	}
	return s
}

func (s source) add(t *testing.T, decl *ast.GenDecl, spec ast.Spec) {
	t.Helper()
	switch x := spec.(type) {
	case *ast.TypeSpec:
		s.types[x.Name.Name] = sentence(decl.Doc)
		if fields, ok := x.Type.(*ast.StructType); ok {
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					s.fields[x.Name.Name+"."+name.Name] = sentence(f.Doc)
				}
			}
		}
	case *ast.ValueSpec:
		if name, ok := x.Type.(*ast.Ident); ok && decl.Tok == token.CONST {
			for _, v := range x.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					s.values[name.Name] = append(s.values[name.Name], text)
				}
			}
		}
	}
}

func sentence(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}

// generator makes schemas of types.
type generator struct {
	t        *testing.T
	api      source
	approval source
	form     source
	out      object
	done     map[string]bool
}

func (g *generator) reference(name string) object {
	return object{{"$ref", "#/components/schemas/" + name}}
}

// schema returns the schema of a type, a reference if it has a name.
func (g *generator) schema(typ reflect.Type) object {
	if name, is := enums()[typ]; is {
		g.enum(name, typ)
		return g.reference(name)
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return object{{"type", "string"}, {"format", "date-time"}}
	case typ == reflect.TypeFor[Duration]():
		return object{{"type", "string"}, {"pattern", `^-?([0-9.]+(ns|µs|us|ms|s|m|h))+$`}}
	case typ == reflect.TypeFor[json.RawMessage](): // any value
		return object{}
	case typ == reflect.TypeFor[json.Number]():
		return object{{"type", "number"}}
	case typ == reflect.TypeFor[language.Text]():
		byLanguage := object{{"type", "object"}, {"additionalProperties", object{{"type", "string"}}}}
		return object{{"anyOf", []object{{{"type", "string"}}, byLanguage}}}
	case reflect.PointerTo(typ).Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		require.FailNow(g.t, "no schema for "+typ.String())
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return g.schema(typ.Elem())
	case reflect.String:
		return object{{"type", "string"}}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int:
		return object{{"type", "integer"}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", g.schema(typ.Elem())}}
	case reflect.Map:
		if typ.Elem().Kind() == reflect.Interface {
			return object{{"type", "object"}, {"additionalProperties", true}}
		}
		return object{{"type", "object"}, {"additionalProperties", g.schema(typ.Elem())}}
	case reflect.Struct:
		g.structure(typ, true)
		return g.reference(typ.Name())
	}
	require.FailNow(g.t, "no schema for "+typ.String())
	return nil
}

func (g *generator) enum(name string, typ reflect.Type) {
	if g.done[name] {
		return
	}
	g.done[name] = true
	src := g.approval
	switch path.Base(typ.PkgPath()) {
	case "api":
		src = g.api
	case "form":
		src = g.form
	}
	values := slices.DeleteFunc(slices.Clone(src.values[typ.Name()]), func(s string) bool { return s == "" })
	require.NotEmpty(g.t, values, name)
	g.out = append(g.out, member{name, object{{"type", "string"}, {"description", src.types[typ.Name()]}, {"enum", values}}})
}

// ownedField is a field of a struct, with the name of the type that declares it.
type ownedField struct {
	reflect.StructField
	owner string
}

// fieldsOf lists the fields of a struct. Those of an embedded struct come last, because they are the same for many types.
func fieldsOf(typ reflect.Type) []ownedField {
	var own, embedded []ownedField
	for f := range typ.Fields() {
		if f.Anonymous {
			embedded = append(embedded, fieldsOf(f.Type)...)
		} else {
			own = append(own, ownedField{f, typ.Name()})
		}
	}
	return append(own, embedded...)
}

// structure adds the schema of a struct. A field that JSON may leave out is not required.
func (g *generator) structure(typ reflect.Type, open bool) {
	if g.done[typ.Name()] {
		return
	}
	g.done[typ.Name()] = true
	at := len(g.out)
	g.out = append(g.out, member{typ.Name(), nil})
	var required []string
	var properties object
	for _, f := range fieldsOf(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		require.NotEmpty(g.t, name, "%s.%s has no JSON name", typ.Name(), f.Name)
		s := g.schema(f.Type)
		if doc := g.api.fields[f.owner+"."+f.Name]; doc != "" {
			s = append(s, member{"description", doc})
		}
		properties = append(properties, member{name, s})
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	out := object{{"type", "object"}, {"description", g.api.types[typ.Name()]}}
	if !open {
		out = append(out, member{"additionalProperties", false})
	}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	g.out[at].value = append(out, member{"properties", properties})
}

// openapi.json is openapi.yaml with the schemas of the Go types.
func TestDescriptionIsGenerated(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	var base yaml.MapSlice
	require.NoError(t, yaml.UnmarshalWithOptions(text, &base, yaml.UseOrderedMap()))

	g := &generator{
		t:        t,
		api:      readSource(t, "."),
		approval: readSource(t, "../approval"),
		form:     readSource(t, "../form"),
		done:     map[string]bool{},
	}
	answers, requests := publicTypes()
	for _, v := range answers {
		g.structure(reflect.TypeOf(v), true)
	}
	for _, v := range requests {
		g.structure(reflect.TypeOf(v), false)
	}
	document := ordered(base).(object)
	components := document[len(document)-1].value.(object)
	schemas := components[len(components)-1]
	require.Equal(t, "schemas", schemas.name)
	components[len(components)-1].value = append(schemas.value.(object), g.out...)

	want, err := json.MarshalIndent(document, "", " ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", want, 0o644))
		return
	}
	require.Equal(t, string(want), string(openAPI), "run go test ./api -run TestDescriptionIsGenerated -update")
}
