package googlechattest_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/notify/googlechat/googlechattest"
)

// TestRefuses checks that the webhook refuses the messages that Google Chat would refuse, or show as something else.
func TestRefuses(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../testdata/good_request.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old    string
		new    string
		status int
	}{
		"good":                {"", "", http.StatusOK},
		"too long":            {"A-1001", strings.Repeat("x", 32_000), http.StatusBadRequest},
		"a link":              {"A-1001", `<a href='https://evil.example'>A</a>`, http.StatusBadRequest},
		"an unknown entity":   {"A-1001", "&nbsp;", http.StatusBadRequest},
		"a mention":           {"Approval needed: Refund", "Approval needed: <users/all>", http.StatusBadRequest},
		"an unknown property": {`"cardId"`, `"id"`, http.StatusBadRequest},
		"another widget":      {`"textParagraph"`, `"decoratedText"`, http.StatusBadRequest},
		"a header's markup":   {"From the request", "From <b>the</b> request", http.StatusBadRequest},
		"no thread":           {`"threadKey": "`, `"threadKey": "", "name": "`, http.StatusBadRequest},
		"no link":             {`"url": "https://`, `"url": "`, http.StatusBadRequest},
	} {
		w := googlechattest.StartWebhook(t)
		if !strings.Contains(string(good), c.old) {
			t.Errorf("%s: the message has no %s", name, c.old)
		}
		body := strings.ReplaceAll(string(good), c.old, c.new)
		status := post(t, w.URL+"&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", body)
		if status != c.status || (len(w.Messages()) == 1) != (c.status == http.StatusOK) {
			t.Errorf("%s: %d", name, status)
		}
	}
	w := googlechattest.StartWebhook(t)
	if status := post(t, w.URL, string(good)); status != http.StatusBadRequest {
		t.Errorf("without the option for threads: %d", status)
	}
}

// TestRefusesTooManyWidgets checks the limit of widgets.
func TestRefusesTooManyWidgets(t *testing.T) {
	t.Parallel()
	w := googlechattest.StartWebhook(t)
	body := func(paragraphs int) string {
		all := strings.Repeat(`{"textParagraph": {"text": "x"}},`, paragraphs)
		return `{"fallbackText": "x", "thread": {"threadKey": "x"}, "cardsV2": [{"cardId": "x", "card": {
			"header": {"title": "x"}, "sections": [{"widgets": [` + all + `
			{"buttonList": {"buttons": [{"text": "x", "onClick": {"openLink": {"url": "https://example.com"}}}]}}]}]}}]}`
	}
	for paragraphs, want := range map[int]int{99: http.StatusOK, 100: http.StatusBadRequest} {
		status := post(t, w.URL+"&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", body(paragraphs))
		if status != want {
			t.Errorf("%d paragraphs and a button: %d", paragraphs, status)
		}
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
