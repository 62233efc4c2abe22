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

// folder is where the dashboards are.
const folder = "../../deploy/grafana"

// board is one dashboard as Grafana reads it.
type board struct {
	file string
	dashboard.Dashboard
}

// kinds are those of panels that we use. The SDK looks into no others.
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

// files reads the dashboards by their file's name.
func files(t *testing.T) map[string][]byte {
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

// decode reads a dashboard, and refuses a field that Grafana does not know.
func decode(file string, text []byte) (*board, error) {
	b := &board{file: file}
	if err := b.UnmarshalJSONStrict(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

func boards(t *testing.T) []*board {
	t.Helper()
	var out []*board
	for name, text := range files(t) {
		b, err := decode(name, text)
		require.NoError(t, err)
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *board) int { return slices.Compare([]byte(a.file), []byte(b.file)) })
	return out
}

// panels are those that show something.
func (b *board) panels() []dashboard.Panel {
	var out []dashboard.Panel
	for _, p := range b.Panels {
		if p.Panel != nil {
			out = append(out, *p.Panel)
		}
	}
	return out
}

// query is one query of a panel.
type query struct {
	ref, expr, legend string
	instant           bool // of the last moment only
	datasource        string
}

// queries are those of a panel; what is no query of Prometheus is missing.
func queries(p dashboard.Panel) []query {
	var out []query
	for _, t := range p.Targets {
		q, ok := t.(*prometheus.Dataquery)
		if !ok {
			continue
		}
		source := ""
		if q.Datasource != nil {
			source = text(q.Datasource.Uid)
		}
		out = append(out, query{ref: text(q.RefId), expr: q.Expr, legend: text(q.LegendFormat), instant: q.Instant != nil && *q.Instant, datasource: source})
	}
	return out
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
