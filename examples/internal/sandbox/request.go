package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// sentRequest is the request that the sandbox has sent.
type sentRequest struct {
	token    string // of the waiting state; empty if the answer goes to a callback URL
	callback string // path of the callback URL
}

// SendRequest sends request.json as its workflow does: to the workflow's queue or, without a queue, to
// POST /v1/requests. A task of Step Functions begins to wait, or the receiver waits at the callback URL.
func (s *Sandbox) SendRequest(ctx context.Context) error {
	text, err := os.ReadFile(s.filePath("request.json"))
	if err != nil {
		return err
	}
	var body object
	if err := json.Unmarshal(text, &body); err != nil {
		return err
	}
	if callbackURL, ok := body["callbackUrl"].(string); ok {
		u, err := url.Parse(callbackURL)
		if err != nil {
			return err
		}
		s.request.callback = u.Path
		body["callbackUrl"] = s.posts.URL + u.Path
	} else {
		s.request.token = s.AWS.StepFunctions.OpenTask(24*time.Hour, 0)
		body["taskToken"] = s.request.token
		body["enteredTime"] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	if text, err = json.Marshal(body); err != nil {
		return err
	}
	for name, w := range s.config.Workflows {
		if w.Requests.SQS != nil {
			s.AWS.SQS.PutMessage(w.Requests.SQS.Queue, string(text), nil)
			return nil
		}
		return s.postRequest(ctx, name, text)
	}
	return nil
}

func (s *Sandbox) postRequest(ctx context.Context, workflow string, body []byte) error {
	to := s.Operator + "/v1/requests?workflow=" + url.QueryEscape(workflow)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+Environment("SANDBOX_API_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("POST /v1/requests answered %s: %s", resp.Status, answer)
	}
	return err
}

// Answer is the answer that the workflow has received.
type Answer struct {
	Error  string // the name of the error; empty for a success
	Output string // JSON: the output, or the cause of the error
	// Post is the request to the callback URL, if the request has one.
	Post Post
}

// WaitForAnswer returns the answer to the workflow.
func (s *Sandbox) WaitForAnswer(ctx context.Context) (Answer, error) {
	if s.request.token == "" {
		return s.waitForCallback(ctx)
	}
	task, err := s.AWS.StepFunctions.WaitForTask(ctx, s.request.token)
	if err != nil {
		return Answer{}, fmt.Errorf("the workflow has no answer: %w", err)
	}
	if task.State == emulator.TaskSucceeded {
		return Answer{Output: task.Output}, nil
	}
	return Answer{Error: task.Error, Output: task.Cause}, nil
}

func (s *Sandbox) waitForCallback(ctx context.Context) (Answer, error) {
	for {
		if posts := s.posts.postsTo(s.request.callback); len(posts) > 0 {
			return Answer{Output: strings.TrimSpace(string(posts[0].Body)), Post: posts[0]}, nil
		}
		if err := pause(ctx); err != nil {
			return Answer{}, fmt.Errorf("the callback URL has no answer: %w", err)
		}
	}
}
