// Package post posts JSON to a URL that the operator configures. The channels for chat systems and webhooks share it.
package post

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Config configures a Poster.
type Config struct {
	// URL is an absolute http or https URL. A user and password in it are sent as basic authentication. It is a secret,
	// because it often grants the right to post.
	URL secret.Text
	// AllowInternal lets the URL lead to an internal address.
	AllowInternal bool
	// AllowedPrefixes, AllowedPorts and IsOwnListener are as in outbound.ClientConfig.
	AllowedPrefixes []netip.Prefix
	AllowedPorts    []uint16
	IsOwnListener   func(netip.AddrPort) bool
	// Connections are the connections to the receiver.
	Connections setup.Connections
	// Timeout bounds an attempt: a receiver may accept the request and then stay silent. Zero means 15 s, the minimum
	// that Standard Webhooks recommends.
	Timeout time.Duration
	// Now is the clock, for a Retry-After with a date; nil means time.Now.
	Now func() time.Time
}

// Poster posts to a URL. It is safe for concurrent use.
type Poster struct {
	config Config
	client *http.Client
}

// NewPoster returns a Poster. The error names the field "url", without its value.
func NewPoster(c Config) (*Poster, error) {
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("url: is not an absolute http or https URL")
	}
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	client := outbound.NewClient(outbound.ClientConfig{
		AllowInternal:   c.AllowInternal,
		AllowedPrefixes: c.AllowedPrefixes,
		AllowedPorts:    c.AllowedPorts,
		IsOwnListener:   c.IsOwnListener,
		Connections:     c.Connections,
	})
	return &Poster{config: c, client: client}, nil
}

// PostJSON posts a body with the given headers, besides Content-Type and User-Agent. See outbound.JudgeStatus and
// outbound.Progress.JudgeFailure for the meaning of the errors.
func (p *Poster) PostJSON(ctx context.Context, header http.Header, body []byte) error {
	ctx, cancel := outbound.WithinTimeout(ctx, p.config.Timeout)
	defer cancel()
	var progress outbound.Progress
	url := p.config.URL.Reveal()
	req, err := http.NewRequestWithContext(progress.ObserveRequest(ctx), http.MethodPost, url, bytes.NewReader(body))
	if err != nil { // its text contains the URL
		return approval.Permanent(errors.New("the URL cannot be used"))
	}
	req.Header = make(http.Header, len(header)+2)
	req.Header["Content-Type"] = jsonType
	req.Header["User-Agent"] = userAgent
	maps.Copy(req.Header, header)
	resp, err := outbound.Send(p.client, req)
	if err != nil {
		return progress.JudgeFailure(ctx, err)
	}
	defer outbound.CloseResponse(resp)
	return outbound.JudgeStatus(resp, p.config.Now())
}

// Values of headers. Nothing changes them.
var (
	jsonType  = []string{"application/json"}
	userAgent = []string{"approval-relay"}
)
