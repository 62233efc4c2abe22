package teamstest_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
)

// The workflow refuses each kind of message that Teams would refuse or show differently.
func TestRefuses(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../testdata/good_request.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		status   int
	}{
		"good":                {"", "", http.StatusAccepted},
		"too long":            {`"A-1001"`, `"` + strings.Repeat("x", 28_000) + `"`, http.StatusRequestEntityTooLarge},
		"markdown":            {`"Your decision is needed"`, `"[here](https://evil.example)"`, http.StatusBadRequest},
		"a date function":     {`"A-1001"`, `"{{DATE(2026-01-01T00:00:00Z)}}"`, http.StatusBadRequest},
		"an unknown property": {`"version"`, `"versions"`, http.StatusBadRequest},
		"a newer version":     {`"1.4"`, `"1.6"`, http.StatusBadRequest},
		"a FactSet":           {`"type": "RichTextBlock"`, `"type": "FactSet"`, http.StatusBadRequest},
		"no link":             {`"url": "https://`, `"url": "`, http.StatusBadRequest},
		"another button":      {`"Action.OpenUrl"`, `"Action.Submit"`, http.StatusBadRequest},
	} {
		w := teamstest.StartWorkflow(t)
		body := strings.ReplaceAll(string(good), c.old, c.new)
		if c.old == "" {
			body = string(good)
		}
		resp, err := http.Post(w.URL, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.status || (len(w.Cards()) == 1) != (c.status == http.StatusAccepted) ||
			(c.old != "" && !strings.Contains(string(good), c.old)) {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}
