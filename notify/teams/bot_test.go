package teams_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// TestTokensAreVerified holds that only a token of the Bot Connector for this bot and this activity is accepted.
func TestTokensAreVerified(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	body := d.connector.Press(alan, d.card().Button("Approve"), nil)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	claim := func(name string, value any) teamstest.Signing {
		return teamstest.Signing{Claims: map[string]any{name: value}}
	}
	at := func(offset time.Duration) int64 { return began.Add(offset).Unix() }
	for name, change := range map[string]teamstest.Signing{
		"another issuer":      claim("iss", "https://evil.example"),
		"no issuer":           claim("iss", nil),
		"another audience":    claim("aud", "99999999-2222-3333-4444-555555555555"),
		"no audience":         claim("aud", nil),
		"expired":             claim("exp", at(-5*time.Minute-time.Second)),
		"without an end":      claim("exp", nil),
		"not yet valid":       claim("nbf", at(5*time.Minute+time.Second)),
		"another service":     claim("serviceurl", "https://evil.example/"),
		"no service":          claim("serviceurl", nil),
		"another key":         {Key: other},
		"an unknown key":      {KeyID: "key-2"},
		"a shared secret":     {Key: []byte(strings.Repeat("k", 32)), Alg: jose.HS256},
		"a longer hash":       {Alg: jose.RS512},
		"a scheme of padding": {Alg: jose.PS256},
	} {
		require.Equal(t, http.StatusUnauthorized, d.send(d.connector.Sign(body, change)).Code, name)
	}
	for name, header := range map[string]string{
		"no token":        "",
		"another scheme":  "Basic YTpi",
		"no JWT":          "Bearer abc",
		"unsigned":        "Bearer eyJhbGciOiJub25lIn0.e30.",
		"a huge token":    "Bearer " + strings.Repeat("a", 10_000),
		"nothing to read": "Bearer ",
	} {
		r := d.connector.Sign(body, teamstest.Signing{})
		r.Header.Set("Authorization", header)
		require.Equal(t, http.StatusUnauthorized, d.send(r).Code, name)
	}
	twice := d.connector.Sign(body, teamstest.Signing{})
	twice.Header.Add("Authorization", "Bearer x")
	require.Equal(t, http.StatusUnauthorized, d.send(twice).Code)
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
	require.Len(t, d.refused, 21)
	for _, good := range []teamstest.Signing{
		{}, claim("exp", at(-5*time.Minute)), claim("nbf", at(5*time.Minute)), claim("aud", []string{"x", teamstest.AppID}),
	} {
		require.Equal(t, http.StatusOK, d.send(d.connector.Sign(body, good)).Code)
	}
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status)
}

// A key that signs for another channel than Teams is not enough, and neither is an activity of another channel.
func TestEndorsements(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.connector.Endorsements = []string{"webchat"}
	body := d.connector.Press(alan, d.card().Button("Approve"), nil)
	require.Equal(t, http.StatusUnauthorized, d.send(d.connector.Sign(body, teamstest.Signing{})).Code)
	body = []byte(strings.Replace(string(body), `"msteams"`, `"webchat"`, 1))
	require.Equal(t, http.StatusUnauthorized, d.send(d.connector.Sign(body, teamstest.Signing{})).Code)
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
}

// TestKeysAreFetchedSeldom holds that a flood of tokens with unknown keys leads to one fetch a minute.
func TestKeysAreFetchedSeldom(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	body := d.connector.Press(alan, d.card().Button("Approve"), nil)
	flood := func() int {
		for i := range 30 {
			d.send(d.connector.Sign(body, teamstest.Signing{KeyID: fmt.Sprint("unknown-", i)}))
		}
		_, _, fetches, _ := d.connector.Counts()
		return fetches
	}
	require.Equal(t, 1, flood())
	d.now = d.now.Add(59 * time.Second)
	require.Equal(t, 1, flood())
	d.now = d.now.Add(time.Second)
	require.Equal(t, 2, flood())
	d.send(d.connector.Sign(body, teamstest.Signing{Claims: map[string]any{"aud": "x"}, KeyID: "x"}))
	d.now = d.now.Add(time.Minute)
	d.send(d.connector.Sign(body, teamstest.Signing{Claims: map[string]any{"aud": "x"}, KeyID: "x"}))
	_, _, fetches, _ := d.connector.Counts()
	require.Equal(t, 2, fetches, "a token for another bot costs no call")
	require.Equal(t, http.StatusOK, d.send(d.connector.Sign(body, teamstest.Signing{})).Code)
}

// Without the keys, nobody is refused or let in: the request can be sent again.
func TestNoKeys(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	settings := botSettings(d.connector)
	settings.OpenIDURL += "-absent"
	bot, err := teams.NewBot(teams.BotConfig{Settings: settings, Now: func() time.Time { return d.now }})
	require.NoError(t, err)
	d.in.Bots = []*teams.Bot{bot}
	body := d.connector.Press(alan, d.card().Button("Approve"), nil)
	require.Equal(t, http.StatusServiceUnavailable, d.send(d.connector.Sign(body, teamstest.Signing{})).Code)
	require.Empty(t, d.refused)
}

func TestOtherActivities(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	activity := func(kind, name, value string) *http.Request {
		return d.connector.Sign(fmt.Appendf(nil, `{"type": %q, "name": %q, "channelId": "msteams", "serviceUrl": %q,
			"conversation": {"id": "19:x@thread.tacv2"}, "value": %s}`, kind, name, d.connector.URL, value), teamstest.Signing{})
	}
	require.Equal(t, http.StatusOK, d.send(activity("message", "", "null")).Code)
	require.Equal(t, http.StatusOK, d.send(activity("conversationUpdate", "", "null")).Code)
	require.Contains(t, d.log.String(), "19:x@thread.tacv2", "the operator learns the conversation")
	require.Equal(t, http.StatusNotImplemented, d.send(activity("invoke", "task/fetch", "null")).Code)
	for _, value := range []string{"null", "[]", `{"action": {"type": "Action.Submit", "verb": "approve"}}`} {
		rec := d.send(activity("invoke", "adaptiveCard/action", value))
		answer, err := teamstest.ReadAnswer(rec.Code, rec.Body.Bytes())
		require.NoError(t, err)
		require.Contains(t, answer.Error, "BadRequest")
	}
	require.Equal(t, http.StatusBadRequest, d.send(d.connector.Sign([]byte("{"), teamstest.Signing{})).Code)
	large := []byte(`{"type": "` + strings.Repeat("x", 256<<10) + `"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, d.send(d.connector.Sign(large, teamstest.Signing{})).Code)
}

func TestBotChannel(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	require.Equal(t, teamstest.Conversation+" 17000000000", d.receipt)
	m := d.message(approval.NotifyRequest)
	_, tokens, _, _ := d.connector.Counts()
	require.NoError(t, d.bot.Notify(t.Context(), m))
	_, again, _, _ := d.connector.Counts()
	require.Equal(t, tokens, again, "a token is used again")
	d.now = d.now.Add(55 * time.Minute)
	require.NoError(t, d.bot.Notify(t.Context(), m))
	_, renewed, _, _ := d.connector.Counts()
	require.Equal(t, tokens+1, renewed, "a token is replaced shortly before its end")

	for status, want := range map[int]approval.ResultKind{
		http.StatusTooManyRequests:     approval.ResultFailed,
		http.StatusUnauthorized:        approval.ResultFailed,
		http.StatusForbidden:           approval.ResultRefused,
		http.StatusInternalServerError: approval.ResultFailed,
	} {
		d.connector.FailNext = []int{status}
		_, err := d.bot.Post(t.Context(), m)
		require.Error(t, err)
		require.Equal(t, want, approval.ResultOf(err).Kind, "%d: %s", status, err)
		require.NotContains(t, err.Error(), "http")
	}
	require.NoError(t, d.bot.Edit(t.Context(), d.receipt, m), "after a refused token there is a new one")
	d.connector.RemoveCards()
	require.NoError(t, d.bot.Edit(t.Context(), d.receipt, m), "a message that is gone has no buttons")
	require.True(t, approval.IsPermanent(d.bot.Edit(t.Context(), "x", m)))
	require.Error(t, notifytest.NoLeaks(t, wrong(t, d.connector), teamstest.AppSecret, "wrong-secret"))
}

// wrong returns a bot whose secret is refused.
func wrong(t *testing.T, c *teamstest.Connector) *teams.Bot {
	t.Helper()
	settings := botSettings(c)
	settings.AppSecret = secret.New("wrong-secret")
	bot, err := teams.NewBot(teams.BotConfig{Settings: settings})
	require.NoError(t, err)
	return bot
}

func TestBotSettings(t *testing.T) {
	t.Parallel()
	c := teamstest.StartConnector(t)
	for want, change := range map[string]func(*teams.Settings){
		"":                            func(*teams.Settings) {},
		"webhook_url: does not go":    func(s *teams.Settings) { s.WebhookURL = secret.New("https://x.example") },
		"audience: must be group":     func(s *teams.Settings) { s.Readers = "approver" },
		"app_id: must be an ID":       func(s *teams.Settings) { s.AppID = "bot" },
		"tenant: must be an ID":       func(s *teams.Settings) { s.Tenant = "example.com" },
		"app_secret":                  func(s *teams.Settings) { s.AppSecret = secret.Text{} },
		"conversation: is not the ID": func(s *teams.Settings) { s.Conversation = "General chat" },
		"service_url":                 func(s *teams.Settings) { s.ServiceURL = "smba" },
		"login_url":                   func(s *teams.Settings) { s.LoginURL = "x" },
		"openid_url":                  func(s *teams.Settings) { s.OpenIDURL = "x" },
		"tenant: needs app_id": func(s *teams.Settings) {
			*s = teams.Settings{Tenant: teamstest.Tenant, WebhookURL: secret.New("https://x.example")}
		},
	} {
		s := botSettings(c)
		change(&s)
		s.SetDefaults(setup.Common{})
		err := setup.FaultsOf(&s)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

func FuzzActivity(f *testing.F) {
	f.Add(`{"type":"invoke","name":"adaptiveCard/action","value":{"action":{"type":"Action.Execute","verb":"a","data":{"token":"x"}}}}`)
	f.Add(`{"type":"conversationUpdate","conversation":{"id":"\"x"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var a map[string]any
		if json.Unmarshal([]byte(text), &a) != nil {
			return
		}
		d := newDesk(t, nil)
		a["channelId"], a["serviceUrl"] = "msteams", d.connector.URL
		body, err := json.Marshal(a)
		require.NoError(t, err)
		rec := httptest.NewRecorder()
		d.in.ServeHTTP(rec, d.connector.Sign(body, teamstest.Signing{}))
		require.NotContains(t, []int{http.StatusUnauthorized, http.StatusInternalServerError}, rec.Code)
	})
}
