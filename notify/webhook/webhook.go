// Package webhook is the channel that posts each notification, signed as
// Standard Webhooks, to a URL of the operator's choice: a chat bridge, a paging
// system, a mail service with an API.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Signer returns the headers that prove to the receiver that a body is ours. The
// ID is the same for every attempt to send it.
type Signer interface {
	Sign(id string, now time.Time, body []byte) http.Header
}

// Config is the configuration of a channel.
type Config struct {
	// URL is where to post: absolute, http or https. User and password in it are
	// sent as basic authentication. It counts as a secret.
	URL    string
	Signer Signer
	// Client sends; the guard against internal addresses is in its transport.
	// Redirects are never followed, whatever it says. Nil is a client with the
	// default transport.
	Client *http.Client
	// Timeout bounds one attempt: a receiver that takes the request and then says
	// nothing. 0 means 15 s, the least that Standard Webhooks recommends.
	Timeout time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Channel posts notifications to one URL.
type Channel struct {
	url     func() string // a function, so that it cannot be printed
	signer  func(id string, now time.Time, body []byte) http.Header
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
}

// New returns a channel. The error names each field of the Config that is at
// fault, without its value.
func New(c Config) (*Channel, error) {
	var faults []error
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		faults = append(faults, errors.New("url: is missing"))
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		faults = append(faults, errors.New("url: is not an absolute http or https URL"))
	}
	if c.Signer == nil {
		faults = append(faults, errors.New("secrets: are missing"))
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("timeout: is negative"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	ch := &Channel{url: func() string { return c.URL }, signer: c.Signer.Sign, client: &http.Client{}, timeout: c.Timeout, now: c.Now}
	if c.Client != nil {
		*ch.client = *c.Client
	}
	ch.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ch.client.Jar = nil
	if ch.timeout == 0 {
		ch.timeout = 15 * time.Second
	}
	if ch.now == nil {
		ch.now = time.Now
	}
	return ch, nil
}

// maxAnswer is how much of an answer is read, in bytes, so that its connection
// can be used again. What it says is of no interest.
const maxAnswer = 16 << 10

// Notify posts the message. See judge for what the statuses mean.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := encode(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the notification: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(), bytes.NewReader(body))
	if err != nil { // it would hold the URL
		return approval.Permanent(errors.New("the URL cannot be used"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "approval-relay")
	maps.Copy(req.Header, c.signer(m.ID, c.now(), body))
	resp, err := c.client.Do(req)
	if err != nil {
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return judge(resp, c.now())
}
