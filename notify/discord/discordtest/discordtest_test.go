package discordtest_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/notify/discord/discordtest"
)

// TestRefuses checks that the webhook refuses the messages that Discord would refuse, or show as something else.
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
		"good":                {"", "", http.StatusOK},
		"a long content":      {"**Approval needed", "**Approval needed" + strings.Repeat("x", 2000), http.StatusBadRequest},
		"a long value":        {`"> 480`, `"> ` + strings.Repeat("x", 1024), http.StatusBadRequest},
		"an empty value":      {`"> 480.00 EUR"`, `" "`, http.StatusBadRequest},
		"mentions":            {`"parse": []`, `"parse": ["everyone"]`, http.StatusBadRequest},
		"the default of them": {`"allowed_mentions"`, `"allowed_mention"`, http.StatusBadRequest},
		"an unknown property": {`"title"`, `"titles"`, http.StatusBadRequest},
		"a link":              {"A-1001", "[A](https://evil.example)", http.StatusBadRequest},
		"an address":          {"A-1001", "https://evil.example", http.StatusBadRequest},
		"emphasis":            {"A-1001", "*A*", http.StatusBadRequest},
		"a mention":           {"A-1001", "<@123>", http.StatusBadRequest},
		"a list":              {"480.00 EUR", "1. EUR", http.StatusBadRequest},
		"another destination": {`"url": "https://`, `"url": "https://evil.`, http.StatusBadRequest},
		"a button":            {`"content"`, `"components": [], "content"`, http.StatusBadRequest},
	} {
		w := discordtest.StartWebhook(t)
		if !strings.Contains(string(good), c.old) {
			t.Errorf("%s: the message has no %s", name, c.old)
		}
		status := post(t, w.URL+"?wait=true", strings.ReplaceAll(string(good), c.old, c.new))
		if status != c.status || (len(w.Messages()) == 1) != (c.status == http.StatusOK) {
			t.Errorf("%s: %d", name, status)
		}
	}
	w := discordtest.StartWebhook(t)
	if status := post(t, w.URL, string(good)); status != http.StatusNoContent || len(w.Messages()) > 0 {
		t.Errorf("without wait: %d", status)
	}
}

// TestRefusesTooMuchInAll checks the limit of all texts together: each field alone is within its limit.
func TestRefusesTooMuchInAll(t *testing.T) {
	t.Parallel()
	w := discordtest.StartWebhook(t)
	field := `{"name": "x", "value": "` + strings.Repeat("x", 1000) + `"}`
	body := func(fields int) string {
		return `{"content": "x", "allowed_mentions": {"parse": []}, "embeds": [{"title": "x", "url": "https://example.com",
			"description": "[x](https://example.com)", "footer": {"text": "x"},
			"fields": [` + strings.TrimSuffix(strings.Repeat(field+",", fields), ",") + `]}]}`
	}
	if status := post(t, w.URL+"?wait=true", body(5)); status != http.StatusOK {
		t.Errorf("5,000 characters: %d", status)
	}
	if status := post(t, w.URL+"?wait=true", body(6)); status != http.StatusBadRequest {
		t.Errorf("6,000 characters in fields: %d", status)
	}
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
