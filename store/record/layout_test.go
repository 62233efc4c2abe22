package record

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

var update = flag.Bool("update", false, "add new fields and texts to the golden files")

// described is a layout as the tests see it.
type described struct {
	name   string
	fields map[string]string // the kinds, by the JSON names
	lines  []string          // of the golden file
	inner  map[string]rawLayout
}

type describer interface{ describe() described }

func (l *layout[T]) describe() described {
	d := described{name: l.name, fields: map[string]string{}, inner: map[string]rawLayout{}}
	for _, f := range l.fields {
		d.fields[f.name] = f.kind
		d.lines = append(d.lines, fmt.Sprintf("%s %d %s %s", l.name, f.number, f.name, f.kind))
		if f.nested.layout != nil {
			d.inner[f.name] = f.nested.layout
		}
	}
	return d
}

func describe(l rawLayout) described { return l.(describer).describe() }

// eachLayout calls f with every layout, each once.
func eachLayout(l rawLayout, seen map[string]rawLayout) {
	d := describe(l)
	if seen[d.name] != nil {
		return
	}
	seen[d.name] = l
	for _, inner := range d.inner {
		eachLayout(inner, seen)
	}
}

// TestEveryFieldHasANumber compares the layouts with the types of package approval: every stored field is in a layout, and
// no layout has another one.
func TestEveryFieldHasANumber(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	var compare func(typ reflect.Type, l rawLayout)
	compare = func(typ reflect.Type, l rawLayout) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		d := describe(l)
		want := storedFields(typ)
		got := maps.Clone(d.fields)
		if typ == reflect.TypeFor[approval.Approval]() {
			delete(got, "token")
			delete(got, packedToken)
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), "%s", typ)
		for name, field := range want {
			inner := elementOf(field)
			if isPlain(inner) {
				require.Nil(t, d.inner[name], "%s.%s", typ, name)
				continue
			}
			require.NotNil(t, d.inner[name], "%s.%s", typ, name)
			compare(inner, d.inner[name])
		}
	}
	compare(reflect.TypeFor[approval.Order](), orderLayout)
	require.Greater(t, len(seen), 25)
}

// storedFields returns the types of the stored fields of a struct by their JSON names, with those of embedded structs.
func storedFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !isStored(f):
		case f.Anonymous && name == "":
			maps.Copy(fields, storedFields(f.Type))
		default:
			fields[name] = f.Type
		}
	}
	return fields
}

func elementOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

func isPlain(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]()
}

// TestNumbersNeverChange compares the layouts and the dictionary with the golden files, to which one can only add.
func TestNumbersNeverChange(t *testing.T) {
	t.Parallel()
	layouts := map[string]rawLayout{}
	eachLayout(orderLayout, layouts)
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(layouts)) {
		d := describe(layouts[name])
		fields = append(fields, d.lines...)
		last := uint64(0)
		for _, line := range d.lines {
			var number uint64
			_, err := fmt.Sscanf(line, d.name+" %d", &number)
			require.NoError(t, err)
			require.Greater(t, number, last, "the numbers of a layout increase: %s", line)
			last = number
		}
	}
	requireGolden(t, "fields.txt", fields)
	texts := make([]string, len(dictionary))
	for i, s := range dictionary {
		texts[i] = fmt.Sprintf("%d %q", i, s)
	}
	table := newTextTable()
	for i, s := range dictionary {
		index, ok := table.find(s)
		require.True(t, ok)
		require.Equal(t, uint64(i)<<1, index, "no text is there twice")
	}
	requireGolden(t, "dictionary.txt", texts)
}

// requireGolden compares lines with a file. With -update, it writes the file, unless a line of it would be lost.
func requireGolden(t *testing.T, name string, lines []string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	text := strings.Join(lines, "\n") + "\n"
	want, err := os.ReadFile(file)
	if *update && (err == nil || os.IsNotExist(err)) {
		for line := range strings.Lines(string(want)) {
			require.Contains(t, text, line, "a line of %s was changed or removed", file)
		}
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return
	}
	require.NoError(t, err)
	require.Equal(t, string(want), text, "go test ./store/record -run TestNumbersNeverChange -update adds what is new")
}

// TestEveryFieldIsKept encodes orders in which every field has a value, and some in which fields have unusual values.
func TestEveryFieldIsKept(t *testing.T) {
	t.Parallel()
	for elements := range 4 {
		o := filled(t, elements)
		c := decode(t, encode(t, o, nil))
		require.Equal(t, o, c.Order)
		require.Equal(t, Versions{Reader: 9, Writer: 10}, c.Versions)
		require.False(t, c.HasUnknown)
		require.Equal(t, tokensOf(o), c.Tokens)
	}
	zero := 0
	far := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	o := &approval.Order{
		ID: "o\xff",
		Approvals: []*approval.Approval{{
			Request: approval.Request{
				Reminders:        []time.Time{{}, far, time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), far},
				HeartbeatTimeout: -1,
				Retention:        -1 << 63,
				Details: []approval.Field{
					{Table: &approval.Table{Columns: []string{}, Rows: [][]string{nil, {}, {""}}}},
					{LeftOut: &approval.LeftOut{Count: -1 << 63}},
				},
				RetryCount: 1<<63 - 1,
				Channels:   []string{"", "email", "", "0123456789abcdef", "0123456789ABCDEF", strings.Repeat("é", 9000)},
			},
		}, {}},
	}
	o.Approvals[0].Form.Fields = []form.Field{{MaxLength: &zero}, {Minimum: "1e400"}}
	o.Approvals[1].Agent = &approval.AgentRequest{Actions: []json.RawMessage{json.RawMessage("1"), json.RawMessage("null")}}
	require.Equal(t, o, decode(t, encode(t, o, nil)).Order)
}

// TestManyTexts encodes an order with many texts and times, some of them often, and small orders between.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	want := encode(t, filled(t, 1), nil)
	for _, n := range []int{20, 23, 24, 25, 26, 300, 5000} {
		o := &approval.Order{ID: "o"}
		for i := range 2 * n {
			at := time.Unix(int64(i%n)*7, int64(i%n)).UTC()
			o.History = append(o.History, approval.Event{At: at, By: fmt.Sprint("person ", i%n), Note: fmt.Sprint("note ", i)})
		}
		b := encode(t, o, nil)
		require.Equal(t, o, decode(t, b).Order)
		require.Less(t, len(b), n*60)
		p, err := split(b)
		require.NoError(t, err)
		d := newDecoder()
		require.NoError(t, d.readTimes(p.times))
		require.Len(t, d.times, n, "each time is there once")
		require.Equal(t, want, encode(t, filled(t, 1), nil))
	}
}
