package details

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// Limits of a table. A list beyond them is shown as a text with a line for each object.
const (
	maxRows    = 200
	maxColumns = 12
)

// newTable returns the objects of a list as a table, or nil if they do not make one. The columns that are named come first,
// the others follow by name. Members that look secret are no columns: the text of the list names them.
func (w *valueWriter) newTable(v any, columns []string) *approval.Table {
	items, isList := v.([]any)
	if !isList || len(items) == 0 || len(items) > maxRows {
		return nil
	}
	t := &approval.Table{}
	rows := make([]map[string]any, 0, len(items))
	known := map[string]bool{}
	for _, item := range items {
		object, isObject := item.(map[string]any)
		if !isObject {
			return nil
		}
		for name, value := range object {
			if !w.secrets.isSecretName(name, extendPath(w.path+"[0]", ".", name), value) {
				known[name] = true
			}
		}
		rows = append(rows, object)
	}
	for _, name := range columns {
		if known[name] && !slices.Contains(t.Columns, name) {
			t.Columns = append(t.Columns, name)
		}
	}
	for _, name := range sortedKeys(known) {
		if !slices.Contains(t.Columns, name) {
			t.Columns = append(t.Columns, name)
		}
	}
	if len(t.Columns) == 0 || len(t.Columns) > maxColumns || slices.ContainsFunc(t.Columns, isLongName) {
		return nil
	}
	cells := valueWriter{secrets: w.secrets, token: w.token} // what it hides is counted by the text
	for _, object := range rows {
		row := make([]string, 0, len(t.Columns))
		for _, name := range t.Columns {
			row = append(row, cells.cell(name, object[name]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func isLongName(name string) bool { return len(name) > maxPath || strings.TrimSpace(name) == "" }

// cell returns the text of a member of a row.
func (w *valueWriter) cell(name string, v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		if w.isSecret(x, name) {
			return hiddenValue
		}
		return x
	}
	if w.secrets.isSecretName(name, name, v) {
		return hiddenValue
	}
	return w.inline(v, name)
}
