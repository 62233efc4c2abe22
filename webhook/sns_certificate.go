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

	"github.com/approval-relay/approval-relay/refusal"
)

var (
	// certificatePath matches the paths of all certificates of SNS.
	certificatePath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{16,64}\.pem$`)
	// regionName matches the names of regions, such as eu-west-1 and us-gov-west-1.
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// certificateHost returns the only host that may serve the certificate for a topic.
func certificateHost(topic string) (string, error) {
	parts := strings.Split(topic, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || !regionName.MatchString(parts[3]) || parts[5] == "" {
		return "", errors.New("is not the ARN of a topic")
	}
	domain := "amazonaws.com"
	if parts[1] == "aws-cn" {
		domain = "amazonaws.com.cn"
	}
	return "sns." + parts[3] + "." + domain, nil
}

// certificate returns the certificate at a URL. It is trusted because the host of SNS in the topic's region serves
// it: the URL must be https, with exactly this host and a path of SNS's certificates.
func (v *SNS) certificate(ctx context.Context, now time.Time, topic, text string) (*x509.Certificate, error) {
	host, _ := certificateHost(topic) // NewSNS checked the topic
	if !isCertificateURL(text, host) {
		return nil, refuse(refusal.Mismatch, "SigningCertURL",
			"the member SigningCertURL of the message is not a URL of SNS in the topic's region")
	}
	cert := v.cachedCertificate(text)
	if cert == nil {
		var err error
		if cert, err = v.fetchOnce(ctx, text); err != nil {
			return nil, fmt.Errorf("fetch the certificate of SNS: %w", err)
		}
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, refuse(refusal.Stale, "SigningCertURL", "the certificate of SNS has expired or is not valid yet")
	}
	return cert, nil
}

// isCertificateURL reports whether a text is a URL of a certificate of SNS, in its canonical spelling.
func isCertificateURL(text, host string) bool {
	u, err := url.Parse(text)
	return err == nil && certificatePath.MatchString(u.Path) && text == "https://"+host+u.Path
}

const (
	// maxFetches bounds the fetches that run at once. Anybody who knows a topic can name any number of certificates.
	maxFetches = 4
	// fetchTimeout bounds the wait for a slot, and then the fetch.
	fetchTimeout = 5 * time.Second
)

// fetchOnce waits for a slot and fetches a certificate, unless another request did so meanwhile.
func (v *SNS) fetchOnce(ctx context.Context, url string) (*x509.Certificate, error) {
	timer := time.NewTimer(fetchTimeout)
	defer timer.Stop()
	select {
	case v.fetches <- struct{}{}:
		defer func() { <-v.fetches }()
	case <-timer.C:
		return nil, errors.New("too many certificates are being fetched")
	}
	if cert := v.cachedCertificate(url); cert != nil {
		return cert, nil
	}
	b, err := v.fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("the answer is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("the answer is not a certificate")
	}
	v.cacheCertificate(url, cert)
	return cert, nil
}

func (v *SNS) cachedCertificate(url string) *x509.Certificate {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.certs[url]
}

// maxCertificates bounds the cache. SNS uses one or two certificates in a region at a time.
const maxCertificates = 32

func (v *SNS) cacheCertificate(url string, cert *x509.Certificate) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.certs) >= maxCertificates {
		clear(v.certs)
	}
	v.certs[url] = cert
}

// fetchCertificate gets a certificate within fetchTimeout, without redirects, and reads at most 64 KiB.
func fetchCertificate(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the host answered with HTTP status %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 64<<10))
}
