package store

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

var update = flag.Bool("update", false, "write the shape of a new version of the record")

func shapeFile(version int) string {
	return filepath.Join("testdata", "shapes", strconv.Itoa(version)+".txt")
}

// TestShape holds that every change of the record's JSON gets a new version. The shape of a version is never changed:
// with -update, the test writes the file of a new version only.
func TestShape(t *testing.T) {
	t.Parallel()
	got := fmt.Sprintf("reader %d\n%s", readerVersion, recordShape(t))
	file := shapeFile(recordVersion)
	want, err := os.ReadFile(file)
	if os.IsNotExist(err) && *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		return
	}
	require.NoError(t, err, "go test ./store -run TestShape -update writes the shape of a new version")
	require.Equal(t, string(want), got, "The JSON of records has changed. Raise recordVersion in store/record.go by one "+
		"(and readerVersion, if an older program would misunderstand the change), then run "+
		"go test ./store -run TestShape -update.")
	_, err = os.Stat(shapeFile(recordVersion + 1))
	require.ErrorIs(t, err, os.ErrNotExist, "recordVersion went back")
}

// TestReaderVersions holds that older programs are refused where they would misunderstand a record: a field is gone or
// has another type, or a state has a new value.
func TestReaderVersions(t *testing.T) {
	t.Parallel()
	for version := 5; version <= recordVersion; version++ {
		before, after := readShape(t, version-1), readShape(t, version)
		if faults := misunderstood(before.lines, after.lines); len(faults) > 0 {
			require.Equal(t, version, after.reader, "version %d: an older program misunderstands %q", version, faults)
		}
	}
	old := []string{"order.id string", "values approval.Status approved pending"}
	require.Empty(t, misunderstood(old, append([]string{"order.new string"}, old...)))
	require.Equal(t, old[:1], misunderstood(old, []string{"order.id int", old[1]}))
	require.Equal(t, old[:1], misunderstood(old, old[1:]))
	require.Equal(t, []string{"values approval.Status approved paused pending"},
		misunderstood(old, []string{old[0], "values approval.Status approved paused pending"}))
	require.Empty(t, misunderstood(old, []string{old[0], "values approval.Status approved"}), "nobody writes it any more")
}

type shape struct {
	reader int
	lines  []string
}

func readShape(t *testing.T, version int) shape {
	t.Helper()
	b, err := os.ReadFile(shapeFile(version))
	require.NoError(t, err)
	head, rest, _ := strings.Cut(string(b), "\n")
	reader, err := strconv.Atoi(strings.TrimPrefix(head, "reader "))
	require.NoError(t, err)
	return shape{reader, strings.Split(strings.TrimSpace(rest), "\n")}
}

// misunderstood returns the lines of two shapes that an older program reads wrongly.
func misunderstood(before, after []string) []string {
	var faults []string
	old := map[string][]string{}
	for _, line := range before {
		if words := strings.Fields(line); words[0] == "values" {
			old[words[1]] = words[2:]
		} else if !slices.Contains(after, line) {
			faults = append(faults, line)
		}
	}
	for _, line := range after {
		words := strings.Fields(line)
		values, isKnown := old[words[min(1, len(words)-1)]]
		if words[0] == "values" && isKnown &&
			slices.ContainsFunc(words[2:], func(v string) bool { return !slices.Contains(values, v) }) {
			faults = append(faults, line)
		}
	}
	return faults
}

// recordShape returns the fields of the record with their types, a line each, and the values of its states.
func recordShape(t *testing.T) string {
	t.Helper()
	w := shapeWriter{values: stateValues(t), used: map[string]bool{}}
	w.addFields("", reflect.TypeFor[jsonRecord]())
	slices.Sort(w.lines)
	for _, name := range slices.Sorted(maps.Keys(w.used)) {
		w.lines = append(w.lines, "values "+name+" "+strings.Join(w.values[name], " "))
	}
	return strings.Join(w.lines, "\n") + "\n"
}

type shapeWriter struct {
	lines  []string
	values map[string][]string
	used   map[string]bool
}

func (w *shapeWriter) addFields(place string, t reflect.Type) {
	for name, field := range jsonFields(t) {
		w.add(place+name, field)
	}
}

func (w *shapeWriter) add(place string, t reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		w.lines = append(w.lines, place+" time")
	case t == reflect.TypeFor[json.RawMessage](), t == reflect.TypeFor[approval.Output]():
		w.lines = append(w.lines, place+" json")
	case t.Kind() == reflect.Pointer:
		w.add(place, t.Elem())
	case t.Kind() == reflect.Struct:
		w.addFields(place+".", t)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		w.add(place+"[]", t.Elem())
	case t.Kind() == reflect.Map:
		w.add(place+"{"+t.Key().Kind().String()+"}", t.Elem())
	default:
		if w.values[t.String()] != nil {
			w.used[t.String()] = true
		}
		kind := t.Kind().String()
		if t.Kind() == reflect.Slice {
			kind = "bytes"
		}
		w.lines = append(w.lines, place+" "+kind)
	}
}

// descriptive are the types whose values only describe: a program passes on a value that it does not know.
func descriptive() []string {
	return []string{"ActKind", "EventKind", "LeftOutReason", "ReasonCode", "VerdictCode", "Via"}
}

// stateValues returns the constants of package approval by type.
func stateValues(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../approval/*.go")
	require.NoError(t, err)
	values := map[string][]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			kind, isNamed := spec.Type.(*ast.Ident)
			text, isText := spec.Values[0].(*ast.BasicLit)
			if isNamed && isText && text.Kind == token.STRING && !slices.Contains(descriptive(), kind.Name) {
				values["approval."+kind.Name] = append(values["approval."+kind.Name], strings.Trim(text.Value, `"`))
			}
			return true
		})
	}
	for _, v := range values {
		slices.Sort(v)
	}
	require.Contains(t, values["approval.Status"], "timed_out")
	return values
}
