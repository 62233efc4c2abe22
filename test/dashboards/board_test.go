package dashboards

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"
)

// folder is the folder of the dashboards.
const folder = "../../deploy/grafana"

// board is a dashboard as Grafana reads it.
type board struct {
	file string
	dashboard.Dashboard
}

// kinds are the types of panels in our dashboards. The SDK checks the options of these only.
var kinds = []string{"stat", "table", "timeseries", "heatmap"}

func TestMain(m *testing.M) {
	r := cog.NewRuntime()
	r.RegisterPanelcfgVariant(stat.VariantConfig())
	r.RegisterPanelcfgVariant(table.VariantConfig())
	r.RegisterPanelcfgVariant(timeseries.VariantConfig())
	r.RegisterPanelcfgVariant(heatmap.VariantConfig())
	r.RegisterDataqueryVariant(prometheus.VariantConfig())
	os.Exit(m.Run())
}

// readFiles returns the content of each dashboard, by the name of its file.
func readFiles(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	out := map[string][]byte{}
	for _, p := range paths {
		out[filepath.Base(p)], err = os.ReadFile(p)
		require.NoError(t, err)
	}
	return out
}

// decodeBoard decodes a dashboard, and refuses fields that Grafana does not know.
func decodeBoard(file string, text []byte) (*board, error) {
	b := &board{file: file}
	if err := b.UnmarshalJSONStrict(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

func readBoards(t *testing.T) []*board {
	t.Helper()
	var out []*board
	for name, text := range readFiles(t) {
		b, err := decodeBoard(name, text)
		require.NoError(t, err)
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *board) int { return slices.Compare([]byte(a.file), []byte(b.file)) })
	return out
}

// allPanels returns the panels of a dashboard, those of collapsed rows included.
func (b *board) allPanels() []dashboard.Panel {
	var out []dashboard.Panel
	for _, p := range b.Panels {
		if p.RowPanel != nil {
			out = append(out, p.RowPanel.Panels...)
		} else {
			out = append(out, *p.Panel)
		}
	}
	return out
}

// query is a query of a panel.
type query struct {
	ref, expr, legend string
	instant           bool // it asks for the end of the period only
	datasource        string
}

// queriesOf returns the Prometheus queries of a panel, and leaves out others.
func queriesOf(p dashboard.Panel) []query {
	var out []query
	for _, t := range p.Targets {
		q, ok := t.(*prometheus.Dataquery)
		if !ok {
			continue
		}
		source := ""
		if q.Datasource != nil {
			source = textOf(q.Datasource.Uid)
		}
		out = append(out, query{
			ref:        textOf(q.RefId),
			expr:       q.Expr,
			legend:     textOf(q.LegendFormat),
			instant:    q.Instant != nil && *q.Instant,
			datasource: source,
		})
	}
	return out
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// The rules see the panels of collapsed rows too.
func TestPanelsOfCollapsedRows(t *testing.T) {
	t.Parallel()
	var titles []string
	for _, b := range readBoards(t) {
		for _, p := range b.allPanels() {
			titles = append(titles, textOf(p.Title))
		}
	}
	require.Contains(t, titles, "Goroutines")
}
