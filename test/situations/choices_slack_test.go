package situations

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// slackSecret signs the presses of buttons.
const slackSecret = "slack-signing-secret-of-enough-bytes"

// slackAnn is the approver in Slack.
func slackAnn() slacktest.User { return slacktest.User{ID: "U0ANN", Email: "ann@example.com"} }

// deliver sends a request of Slack to the program.
func (r *relay) deliver(req *http.Request) (status int, contentType string, body []byte) {
	r.Helper()
	public, err := url.Parse(r.public)
	require.NoError(r, err)
	req.URL = &url.URL{Scheme: "http", Host: public.Host, Path: req.URL.Path}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(r, err)
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	require.NoError(r, err)
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}

// slackMessage waits for the message about an order.
func (r *relay) slackMessage(order string) (found slacktest.Message) {
	r.Helper()
	r.eventually("the message about "+order, func() bool {
		for _, m := range r.slack.Messages() {
			text, _ := json.Marshal(m.Blocks) // texts
			if found = m; strings.Contains(string(text), order+`"`) || strings.Contains(string(text), order+`*`) ||
				strings.Contains(string(text), order+`\n`) || strings.HasSuffix(m.Text, order) {
				return true
			}
		}
		return false
	})
	return found
}

// sendBySlack presses the button of a choice and, if a modal opens, submits it.
func sendBySlack(r *relay, order string, d sent) *string {
	m := r.slackMessage(order)
	action := ""
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.ActionID == d.choice || strings.HasSuffix(e.ActionID, ":"+d.choice) {
				action = e.ActionID
			}
		}
	}
	require.NotEmpty(r, action, "a button for %s", d.choice)
	views := len(r.slack.Views())
	status, _, body := r.deliver(r.slack.PressButton(slackSecret, time.Now(), slackAnn(), m, action))
	require.Equal(r, http.StatusOK, status, "%s", body)
	learns := ""
	if !strings.HasPrefix(action, "form:") {
		return &learns
	}
	require.Len(r, r.slack.Views(), views+1, "a modal for %s", d.choice)
	view := r.slack.Views()[views]
	fill := slacktest.Fill{"comment": d.comment}
	for name, values := range typedValues(r.T, d.values) {
		field := "field:" + strings.TrimPrefix(name, "value.")
		texts, isList := optionTexts(view, field, values)
		if fill[field] = texts[0]; isList {
			fill[field] = texts
		}
	}
	if d.choice == "approve_up_to" && (d.values == "" || d.values == "{}") {
		fill["field:limit"] = "" // the present value is there at first
	}
	status, contentType, body := r.deliver(slacktest.Submit(slackSecret, time.Now(), slackAnn(), slackAnn().InTeam(), view, fill))
	answer, err := slacktest.ReadAnswer(view, status, contentType, body)
	require.NoError(r, err, "%s", body)
	learns = fmt.Sprint(answer.Errors)
	return &learns
}

// optionTexts returns what a person sees of the options of an input, in place of their values, and whether several can be
// chosen. Other values stay as they are.
func optionTexts(view slacktest.View, block string, values []string) (texts []string, isList bool) {
	titles := map[string]string{"budget": "No budget", "vendor": "Vendor not approved"} // as the configuration has them
	for _, value := range values {
		texts = append(texts, cmp.Or(titles[value], value))
	}
	for _, b := range view.Blocks {
		if b.BlockID != block || b.Element == nil {
			continue
		}
		isList = b.Element.Type == "checkboxes" || b.Element.Type == "multi_static_select"
		for _, o := range b.Element.Options {
			for i := range texts {
				if values[i] == "true" {
					texts[i] = o.Text.Text
				}
			}
		}
	}
	return texts, isList
}
