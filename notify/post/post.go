// Package post is what the channels share that post JSON to a URL of the
// operator's choice.
package post

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// Config says where to post, and how.
type Config struct {
	// URL is absolute, http or https. User and password in it are sent as basic
	// authentication. It counts as a secret.
	URL string
	// AllowInternal lets the URL lead to an internal address.
	AllowInternal bool
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
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Poster{
		url:     func() string { return c.URL },
		client:  outbound.NewClient(outbound.ClientConfig{AllowInternal: c.AllowInternal}),
		timeout: c.Timeout,
		now:     c.Now,
	}, nil
}

// JSON posts a body with these headers beside the usual headers. See outbound.JudgeStatus and
// outbound.Progress.JudgeFailure for the meaning of the errors.
func (p *Poster) JSON(ctx context.Context, header http.Header, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	var progress outbound.Progress
	req, err := http.NewRequestWithContext(progress.Observe(ctx), http.MethodPost, p.url(), bytes.NewReader(body))
	if err != nil { // it would hold the URL
		return approval.Permanent(errors.New("the URL cannot be used"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "approval-relay")
	maps.Copy(req.Header, header)
	resp, err := p.client.Do(req)
	if err != nil {
		return progress.JudgeFailure(ctx, err)
	}
	defer outbound.CloseResponse(resp)
	return outbound.JudgeStatus(resp, p.now())
}
