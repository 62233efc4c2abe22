package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/require"
)

// scrapeEvery is short, because the run is short.
const scrapeEvery = 500 * time.Millisecond

// server is a Prometheus that scrapes the program, and itself under another job.
type server struct {
	url   string
	began time.Time
}

func startPrometheus(t *testing.T, bin, operator string) *server {
	t.Helper()
	dir, at := t.TempDir(), freeAddress(t)
	text := fmt.Sprintf(`
global: {scrape_interval: %s, scrape_timeout: %s}
scrape_configs:
  - {job_name: approval-relay, static_configs: [{targets: [%q]}]}
  - {job_name: prometheus, static_configs: [{targets: [%q]}]}
`, scrapeEvery, scrapeEvery, operator, at)
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	s := &server{url: "http://" + at, began: time.Now()}
	cmd := exec.Command(bin, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+at, "--log.level=warn")
	startCommand(t, cmd, filepath.Join(dir, "log"), func() bool {
		values, err := s.labelValues("up", "job")
		return err == nil && len(values) == 2
	})
	return s
}

// sample is a time and a value. Prometheus writes the value as text.
type sample [2]any

func (s sample) value() float64 {
	text, _ := s[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // Prometheus wrote it
	}
	return v
}

// result is a series of an answer.
type result struct {
	Metric map[string]string `json:"metric"`
	Value  sample            `json:"value"`  // of an instant query
	Values []sample          `json:"values"` // of a range query
}

// getJSON calls the API.
func (s *server) getJSON(path string, q url.Values, into any) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url+path+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var out struct {
		Error string
		Data  json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return err
	}
	if out.Error != "" {
		return fmt.Errorf("%s: %s", q.Encode(), out.Error)
	}
	return json.Unmarshal(out.Data, into)
}

// labelValues returns the values of a label.
func (s *server) labelValues(series, label string) (out []string, err error) {
	err = s.getJSON("/api/v1/label/"+label+"/values", url.Values{"match[]": {series}, "start": {unixText(s.began)}}, &out)
	return out, err
}

// runQuery runs a query as Grafana does, for the time since the start.
func (s *server) runQuery(expr string, instant bool) (out []result, err error) {
	q, path := url.Values{"query": {expr}}, "/api/v1/query"
	if !instant {
		path = "/api/v1/query_range"
		q.Set("start", unixText(s.began))
		q.Set("end", unixText(time.Now()))
		q.Set("step", fmt.Sprint(scrapeEvery.Seconds()))
	}
	var data struct{ Result []result }
	err = s.getJSON(path, q, &data)
	for i, r := range data.Result {
		if instant {
			data.Result[i].Values = []sample{r.Value}
		}
	}
	return data.Result, err
}

func unixText(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// newSubstitution returns a function that replaces the variables of a dashboard, as Grafana does if all values are
// selected: by a regular expression of all values. A variable may be used in later variables.
func (s *server) newSubstitution(b *board) (func(string) string, error) {
	put := func(expr string) string {
		return strings.NewReplacer(
			"$__rate_interval", fmt.Sprint(4*scrapeEvery), // the larger of four scrape intervals, and a step plus a scrape interval
			"$__range", fmt.Sprint(time.Since(s.began).Truncate(time.Second)),
		).Replace(expr)
	}
	for _, v := range b.Templating.List {
		if v.Type != dashboard.VariableTypeQuery {
			continue
		}
		m := definition.FindStringSubmatch(textOf(v.Definition))
		if m == nil {
			return nil, fmt.Errorf("%s: the definition of the variable %s is unknown", b.file, v.Name)
		}
		values, err := s.labelValues(put(m[1]), m[2])
		if err != nil {
			return nil, fmt.Errorf("%s: the variable %s: %w", b.file, v.Name, err)
		}
		if len(values) == 0 && textOf(v.AllValue) != "" {
			before := put
			put = func(expr string) string { return strings.ReplaceAll(before(expr), "$"+v.Name, textOf(v.AllValue)) }
			continue
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("%s: the variable %s has no value", b.file, v.Name)
		}
		for i, value := range values {
			values[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`) // in a string of PromQL
		}
		before, all := put, "("+strings.Join(values, "|")+")"
		put = func(expr string) string { return strings.ReplaceAll(before(expr), "$"+v.Name, all) }
	}
	return put, nil
}
