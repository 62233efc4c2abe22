package slack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
)

// maxAnswer is the number of bytes of an answer of Slack that are read. Slack repeats the posted message in its answer.
const maxAnswer = 1 << 20

// calls are the methods of Slack's Web API that the package uses. The client of slack-go has hundreds more, and the program
// would have the code of all of them: see outbound.OperationNames. Errors are those of that client: *slack.RateLimitedError,
// slack.StatusCodeError and slack.SlackErrorResponse.
type calls struct {
	client *http.Client
	url    string // of the Web API, with a slash at its end
	token  secret.Text
}

func newCalls(client *http.Client, apiURL string, token secret.Text) *calls {
	return &calls{
		client: client,
		url:    strings.TrimSuffix(cmp.Or(apiURL, slack.APIURL), "/") + "/",
		token:  token,
	}
}

// authTest returns the workspace and the organisation of the token.
func (c *calls) authTest(ctx context.Context) (slack.AuthTestResponse, error) {
	var answer struct {
		slack.AuthTestResponse
	}
	err := c.postForm(ctx, "auth.test", url.Values{}, &answer)
	return answer.AuthTestResponse, err
}

// openView opens a modal.
func (c *calls) openView(ctx context.Context, trigger string, view slack.ModalViewRequest) error {
	body, err := json.Marshal(struct {
		TriggerID string                 `json:"trigger_id"`
		View      slack.ModalViewRequest `json:"view"`
	}{trigger, view})
	if err != nil {
		return fmt.Errorf("encode the modal: %w", err)
	}
	return c.post(ctx, "views.open", "application/json", body, nil)
}

// postMessage sends a message to a conversation, and returns the ID of the conversation and the time stamp of the message.
func (c *calls) postMessage(ctx context.Context, conversation string, m rendered) (postedIn, stamp string, err error) {
	values, err := m.values()
	if err != nil {
		return "", "", err
	}
	values.Set("channel", conversation)
	var answer struct {
		Channel string `json:"channel"`
		Stamp   string `json:"ts"`
	}
	err = c.postForm(ctx, "chat.postMessage", values, &answer)
	return answer.Channel, answer.Stamp, err
}

// updateMessage replaces a message.
func (c *calls) updateMessage(ctx context.Context, conversation, stamp string, m rendered) error {
	values, err := m.values()
	if err != nil {
		return err
	}
	values.Set("channel", conversation)
	values.Set("ts", stamp)
	return c.postForm(ctx, "chat.update", values, nil)
}

// userByEmail returns the member of the workspace with an e-mail address.
func (c *calls) userByEmail(ctx context.Context, email string) (*slack.User, error) {
	return c.user(ctx, "users.lookupByEmail", url.Values{"email": {email}})
}

// userInfo returns the person with an ID.
func (c *calls) userInfo(ctx context.Context, id string) (*slack.User, error) {
	return c.user(ctx, "users.info", url.Values{"user": {id}, "include_locale": {"true"}})
}

func (c *calls) user(ctx context.Context, method string, values url.Values) (*slack.User, error) {
	var answer struct {
		User slack.User `json:"user"`
	}
	if err := c.postForm(ctx, method, values, &answer); err != nil {
		return nil, err
	}
	return &answer.User, nil
}

// postForm calls a method with the values of a form, as users.* and auth.test demand.
func (c *calls) postForm(ctx context.Context, method string, values url.Values, answer any) error {
	return c.post(ctx, method, "application/x-www-form-urlencoded", []byte(values.Encode()), answer)
}

// post calls a method, and decodes its answer unless answer is nil.
func (c *calls) post(ctx context.Context, method, contentType string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("prepare the call of %s: %w", method, err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	resp, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode == http.StatusTooManyRequests {
		return &slack.RateLimitedError{RetryAfter: outbound.RetryAfter(resp.Header, time.Now())}
	}
	if resp.StatusCode != http.StatusOK {
		return slack.StatusCodeError{Code: resp.StatusCode, Status: strconv.Itoa(resp.StatusCode)}
	}
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", method, err)
	}
	return decodeAnswer(content, answer)
}

// decodeAnswer decodes the body of an answer. Slack reports its errors in the body.
func decodeAnswer(content []byte, answer any) error {
	var status slack.SlackResponse
	if err := json.Unmarshal(content, &status); err != nil {
		return err
	}
	if !status.Ok {
		return slack.SlackErrorResponse{Err: cmp.Or(status.Error, "unknown_error")}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}
