// Package post is what the channels share that post JSON to a URL of the
// operator's choice.
package post

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Config says where to post, and how.
type Config struct {
	// URL is absolute, http or https. User and password in it are sent as basic
	// authentication. It counts as a secret.
	URL string
	// Client sends; the guard against internal addresses is in its transport.
	// Redirects are never followed, whatever it says. Nil is a client with the
	// default transport.
	Client *http.Client
	// Timeout bounds one attempt: a receiver that takes the request and then says
	// nothing. 0 means 15 s, the least that Standard Webhooks recommends.
	Timeout time.Duration
	// Now is the clock, for a Retry-After that is a date; nil is time.Now.
	Now func() time.Time
}

// Poster posts to one URL.
type Poster struct {
	url     func() string // a function, so that it cannot be printed
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
}

// New returns a Poster. The error names each field of the Config that is at
// fault, without its value.
func New(c Config) (*Poster, error) {
	var faults []error
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		faults = append(faults, errors.New("url: is missing"))
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		faults = append(faults, errors.New("url: is not an absolute http or https URL"))
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("timeout: is negative"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	p := &Poster{
		url:     func() string { return c.URL },
		client:  &http.Client{},
		timeout: c.Timeout,
		now:     c.Now,
	}
	if c.Client != nil {
		*p.client = *c.Client
	}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.client.Jar = nil
	if p.timeout == 0 {
		p.timeout = 15 * time.Second
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p, nil
}

// maxAnswer is how much of an answer is read, in bytes, so that its connection
// can be used again. What it says is of no interest.
const maxAnswer = 16 << 10

// JSON posts a body with these headers beside the usual ones. See judge for what
// the statuses mean.
func (p *Poster) JSON(ctx context.Context, header http.Header, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url(), bytes.NewReader(body))
	if err != nil { // it would hold the URL
		return approval.Permanent(errors.New("the URL cannot be used"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "approval-relay")
	maps.Copy(req.Header, header)
	resp, err := p.client.Do(req)
	if err != nil {
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return judge(resp, p.now())
}
