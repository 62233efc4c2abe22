package teams

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
)

// Bounds of the calls to the Bot Connector.
const (
	maxAnswer       = 64 << 10 // of an answer, in bytes
	maxConversation = 300      // of the ID of a conversation, which is part of a receipt, in bytes
	connectorScope  = "https://api.botframework.com/.default"
	// tokenReserve is the time before its end at which a token is replaced, and tokenFallback the life of a token
	// whose answer does not state it.
	tokenReserve  = 5 * time.Minute
	tokenFallback = 10 * time.Minute
)

// connector calls the Bot Connector as the bot:
// https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference.
type connector struct {
	client     *http.Client
	serviceURL string // without a slash at its end
	tokenURL   string
	appID      string
	appSecret  secret.Text
	timeout    time.Duration
	now        func() time.Time

	mu      sync.Mutex
	token   secret.Text
	expires time.Time
}

func newConnector(c BotConfig) *connector {
	return &connector{
		client:     c.Client,
		serviceURL: strings.TrimRight(c.ServiceURL, "/"),
		tokenURL:   strings.TrimRight(c.LoginURL, "/") + "/" + url.PathEscape(c.Tenant) + "/oauth2/v2.0/token",
		appID:      c.AppID,
		appSecret:  c.AppSecret,
		timeout:    c.Timeout,
		now:        c.Now,
	}
}

// errAbsent is the answer 404: the message, the member or the conversation is not there.
var errAbsent = errors.New("the Bot Connector does not have it")

// call makes a call with a JSON body, and reads the answer into out if that is not nil. Its error has neither a token nor
// a URL. It is errAbsent, and Permanent, for an answer 404.
func (c *connector) call(ctx context.Context, method string, path []string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	token, err := c.findToken(ctx)
	if err != nil {
		return err
	}
	var address strings.Builder
	address.WriteString(c.serviceURL + "/v3")
	for _, part := range path {
		address.WriteString("/" + url.PathEscape(part))
	}
	var progress outbound.Progress
	req, err := http.NewRequestWithContext(progress.ObserveRequest(ctx), method, address.String(), bytes.NewReader(body))
	if err != nil {
		return approval.Permanent(errors.New("the service URL cannot be used"))
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("User-Agent", "approval-relay")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return progress.JudgeFailure(ctx, err)
	}
	defer outbound.CloseResponse(resp)
	switch resp.StatusCode {
	case http.StatusNotFound:
		return approval.Permanent(errAbsent)
	case http.StatusUnauthorized: // an operator can renew the secret
		c.forgetToken(token)
		return approval.NotApplied(errors.New("the Bot Connector refuses the bot's token"))
	}
	if err := outbound.JudgeStatus(resp, c.now()); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	// The status says that the message is there, whatever the body is.
	_ = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out)
	return nil
}

// findToken returns a token of the bot: the last one, or a new one shortly before that expires.
func (c *connector) findToken(ctx context.Context) (secret.Text, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.token.IsZero() && c.now().Before(c.expires) {
		return c.token, nil
	}
	answer, err := c.fetchToken(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	life := time.Duration(min(max(answer.ExpiresIn, 0), 86400)) * time.Second
	if life == 0 {
		life = tokenFallback
	}
	c.token, c.expires = secret.New(answer.AccessToken), c.now().Add(life-min(tokenReserve, life/2))
	return c.token, nil
}

// forgetToken drops a token that was refused.
func (c *connector) forgetToken(refused secret.Text) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Reveal() == refused.Reveal() {
		c.token = secret.Text{}
	}
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// fetchToken asks for a token by the client credentials (RFC 6749, section 4.4). Nothing was sent to Teams when it fails.
func (c *connector) fetchToken(ctx context.Context) (tokenAnswer, error) {
	var answer tokenAnswer
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {c.appID},
		"client_secret": {c.appSecret.Reveal()},
		"scope":         {connectorScope},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return answer, approval.Permanent(errors.New("the login URL cannot be used"))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "approval-relay")
	resp, err := c.client.Do(req)
	if err != nil {
		return answer, approval.NotApplied(errors.New("the login service of the bot could not be reached"))
	}
	defer outbound.CloseResponse(resp)
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("the login service refuses the bot with %d: compare app_id, app_secret and tenant", resp.StatusCode)
		return answer, approval.NotApplied(err)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer)
	if err != nil || answer.AccessToken == "" || strings.ContainsAny(answer.AccessToken, "\r\n") {
		return answer, approval.NotApplied(errors.New("the login service gave the bot no token"))
	}
	return answer, nil
}
