package approval

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// An edit changes the details that show the edited part, also where the part is within a table.
func TestEditChangesDetails(t *testing.T) {
	t.Parallel()
	table := &Table{Columns: []string{"price"}, Rows: [][]string{{"1"}}}
	a := &Approval{Request: Request{Details: []Field{
		{Name: "total", Value: "480.00 EUR", Kind: KindAmount, Currency: "EUR", Path: "/total"},
		{Name: "lines", Value: "price: 1", Kind: KindTable, Table: table, Path: "/lines"},
		{Name: "totals", Value: "7", Path: "/totals"},
		{Name: "with tax", Value: "571.20"},
		{Name: "tax number", State: FieldNotGiven},
	}}}
	a.Content = json.RawMessage(`{"total":480.00,"lines":[{"price":1}],"totals":7}`)
	a.edit(Change{Path: "/total", From: json.RawMessage("480.00"), To: json.RawMessage("500")})
	a.edit(Change{Path: "/lines/0/price", From: json.RawMessage("1"), To: json.RawMessage("2")})
	require.Equal(t, []Field{
		{Name: "total", Value: "500 EUR", Kind: KindAmount, Currency: "EUR", Path: "/total"},
		{Name: "lines", Value: "price: 1\n→ /lines/0/price: 2", Path: "/lines"},
		{Name: "totals", Value: "7", Path: "/totals"},
		{Name: "with tax", Value: "571.20", Outdated: true},
		{Name: "tax number", State: FieldNotGiven},
	}, a.Details)
}
