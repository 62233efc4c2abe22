package webhook

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// certificatePath is that of all of SNS's certificates.
var certificatePath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{16,64}\.pem$`)

// certificateHost is the one host from which the certificate for a topic comes.
func certificateHost(topic string) (string, error) {
	parts := strings.Split(topic, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || !regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`).MatchString(parts[3]) || parts[5] == "" {
		return "", errors.New("is no ARN of a topic")
	}
	domain := "amazonaws.com"
	if parts[1] == "aws-cn" {
		domain = "amazonaws.com.cn"
	}
	return "sns." + parts[3] + "." + domain, nil
}

// certificate returns the certificate of a URL. What vouches for it is that AWS's
// own host for the topic's region serves it: https, that exact host, and no other
// path than that of SNS's certificates.
func (v *SNS) certificate(ctx context.Context, now time.Time, topic, text string) (*x509.Certificate, error) {
	host, _ := certificateHost(topic) // the topic is configured, so it has one
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host != host || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !certificatePath.MatchString(u.Path) || u.RawPath != "" {
		return nil, fmt.Errorf("member SigningCertURL: %w", ErrMismatch)
	}
	cert := v.kept(u.String())
	if cert == nil {
		if cert, err = v.get(ctx, u.String()); err != nil {
			return nil, fmt.Errorf("fetch the certificate of SNS: %w", err)
		}
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("certificate: %w", ErrStale)
	}
	return cert, nil
}

// maxFetches is how many certificates are fetched at once, and fetchTimeout how long
// one takes, or its turn. Whoever knows a topic can name any number of them.
const (
	maxFetches   = 4
	fetchTimeout = 5 * time.Second
)

// get fetches a certificate when it is its turn, unless another has done it by then.
func (v *SNS) get(ctx context.Context, url string) (*x509.Certificate, error) {
	turn := time.NewTimer(fetchTimeout)
	defer turn.Stop()
	select {
	case v.fetching <- struct{}{}:
		defer func() { <-v.fetching }()
	case <-turn.C:
		return nil, errors.New("too many are being fetched")
	}
	if cert := v.kept(url); cert != nil {
		return cert, nil
	}
	b, err := v.fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	v.keep(url, cert)
	return cert, nil
}

func (v *SNS) kept(url string) *x509.Certificate {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.certs[url]
}

// maxCertificates bounds what is kept: SNS has one or two in use in a region.
const maxCertificates = 32

func (v *SNS) keep(url string, cert *x509.Certificate) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.certs) >= maxCertificates {
		clear(v.certs)
	}
	v.certs[url] = cert
}

// fetchCertificate gets a certificate: within fetchTimeout, without redirects, at most 64 KB.
func fetchCertificate(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the host answered %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 64<<10))
}
