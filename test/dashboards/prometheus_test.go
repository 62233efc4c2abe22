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

// scrapeEvery is short, as the run is.
const scrapeEvery = 500 * time.Millisecond

// server is a Prometheus that scrapes the program, and itself under another job.
type server struct {
	url   string
	began time.Time
}

func startPrometheus(t *testing.T, bin, operator string) *server {
	t.Helper()
	dir, at := t.TempDir(), address(t)
	text := fmt.Sprintf(`
global: {scrape_interval: %s, scrape_timeout: %s}
scrape_configs:
  - {job_name: approval-relay, static_configs: [{targets: [%q]}]}
  - {job_name: prometheus, static_configs: [{targets: [%q]}]}
`, scrapeEvery, scrapeEvery, operator, at)
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	s := &server{url: "http://" + at, began: time.Now()}
	cmd := exec.Command(bin, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at, "--log.level=warn")
	run(t, cmd, filepath.Join(dir, "log"), func() bool {
		values, err := s.values("up", "job")
		return err == nil && len(values) == 2
	})
	return s
}

// sample is a time and a value, which Prometheus writes as a text.
type sample [2]any

func (s sample) value() float64 {
	text, _ := s[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // Prometheus wrote it
	}
	return v
}

// result is one series of an answer.
type result struct {
	Metric map[string]string `json:"metric"`
	Value  sample            `json:"value"`  // of an instant
	Values []sample          `json:"values"` // of a range
}

// get asks the API.
func (s *server) get(path string, q url.Values, into any) error {
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

// values are those of a label.
func (s *server) values(series, label string) (out []string, err error) {
	err = s.get("/api/v1/label/"+label+"/values", url.Values{"match[]": {series}, "start": {stamp(s.began)}}, &out)
	return out, err
}

// query asks as Grafana does, for the time since the beginning.
func (s *server) query(expr string, instant bool) (out []result, err error) {
	q, path := url.Values{"query": {expr}}, "/api/v1/query"
	if !instant {
		path = "/api/v1/query_range"
		q.Set("start", stamp(s.began))
		q.Set("end", stamp(time.Now()))
		q.Set("step", fmt.Sprint(scrapeEvery.Seconds()))
	}
	var data struct{ Result []result }
	err = s.get(path, q, &data)
	for i, r := range data.Result {
		if instant {
			data.Result[i].Values = []sample{r.Value}
		}
	}
	return data.Result, err
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// substitute returns what puts values in place of the variables of a dashboard,
// all of them chosen, as Grafana does: a regular expression of all. A variable
// may be used in those after it.
func (s *server) substitute(b *board) (func(string) string, error) {
	put := func(expr string) string {
		return strings.NewReplacer(
			"$__rate_interval", fmt.Sprint(4*scrapeEvery), // the larger of four scrapes, and a step and a scrape
			"$__range", fmt.Sprint(time.Since(s.began).Truncate(time.Second)),
		).Replace(expr)
	}
	for _, v := range b.Templating.List {
		if v.Type != dashboard.VariableTypeQuery {
			continue
		}
		m := definition.FindStringSubmatch(text(v.Definition))
		if m == nil {
			return nil, fmt.Errorf("%s: what is the variable %s?", b.file, v.Name)
		}
		values, err := s.values(put(m[1]), m[2])
		if err != nil {
			return nil, fmt.Errorf("%s: the variable %s: %w", b.file, v.Name, err)
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("%s: the variable %s has no value", b.file, v.Name)
		}
		for i, value := range values {
			values[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`) // within a text of PromQL
		}
		before, all := put, "("+strings.Join(values, "|")+")"
		put = func(expr string) string { return strings.ReplaceAll(before(expr), "$"+v.Name, all) }
	}
	return put, nil
}
