package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// emptyHash is the SHA-256 of a request without a body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// object names an object of S3. The version is empty for the newest version.
type object struct{ bucket, key, version string }

// caller makes signed calls.
type caller struct {
	aws    aws.Config
	client aws.HTTPClient
	signer *v4.Signer
	now    func() time.Time // of the signatures: S3 refuses those of a clock that is wrong by a quarter of an hour
}

// newCaller returns a caller. Nil takes the clock of the machine.
func newCaller(c aws.Config, now func() time.Time) caller {
	if now == nil {
		now = time.Now
	}
	client := c.HTTPClient
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	// The path of S3 is signed as it is sent.
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return caller{aws: c, client: client, signer: signer, now: now}
}

// newRequest returns a request for an object. It is not signed.
func (c caller) newRequest(ctx context.Context, method string, o object) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, "", nil)
	if err != nil {
		return nil, err
	}
	if request.URL, err = c.urlOf(ctx, o); err != nil {
		return nil, err
	}
	request.Host = request.URL.Host
	return request, nil
}

// sign signs a request without a body, with all its headers.
func (c caller) sign(ctx context.Context, request *http.Request) error {
	return c.signBody(ctx, request, emptyHash)
}

// signBody signs a request with the SHA-256 of its body.
func (c caller) signBody(ctx context.Context, request *http.Request, hash string) error {
	credentials, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if err := c.signer.SignHTTP(ctx, credentials, request, hash, "s3", c.aws.Region, c.now()); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return nil
}

func (c caller) credentials(ctx context.Context) (aws.Credentials, error) {
	if c.aws.Credentials == nil {
		return aws.Credentials{}, errors.New("there are no credentials")
	}
	credentials, err := c.aws.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("credentials: %w", err)
	}
	return credentials, nil
}

// urlOf returns the URL of an object: with the bucket as a part of the host at AWS, and as a part of the path at another
// endpoint, or if the name of the bucket has a dot, which no certificate covers.
func (c caller) urlOf(ctx context.Context, o object) (*url.URL, error) {
	endpoint := "https://s3." + c.aws.Region + "." + domainOf(c.aws.Region)
	inPath := strings.Contains(o.bucket, ".")
	if configured := findEndpoint(ctx, c.aws); configured != "" {
		endpoint, inPath = configured, true
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, errors.New("the endpoint is no URL")
	}
	prefix := strings.TrimSuffix(u.Path, "/")
	if inPath {
		prefix += "/" + o.bucket
	} else {
		u.Host = o.bucket + "." + u.Host
	}
	u.Path, u.RawPath = prefix+"/"+o.key, prefix+"/"+escapeKey(o.key)
	if o.version != "" {
		u.RawQuery = url.Values{"versionId": {o.version}}.Encode()
	}
	return u, nil
}

// findEndpoint returns the endpoint that is configured for S3, or "". As the clients of the SDK do, it prefers an
// endpoint for this service (AWS_ENDPOINT_URL_S3, a profile) to the endpoint for all services, unless the sources of the
// configuration are to be ignored.
func findEndpoint(ctx context.Context, c aws.Config) string {
	endpoint := aws.ToString(c.BaseEndpoint)
	for _, source := range c.ConfigSources {
		if s, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(ctx context.Context) (ignore, found bool, err error)
		}); ok {
			if ignore, found, err := s.GetIgnoreConfiguredEndpoints(ctx); err == nil && found && ignore {
				return endpoint
			}
		}
	}
	for _, source := range c.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, service string) (endpoint string, found bool, err error)
		}); ok {
			if own, found, err := s.GetServiceBaseEndpoint(ctx, "S3"); err == nil && found {
				return own
			}
		}
	}
	return endpoint
}

// domainOf returns the domain of the services of a region.
func domainOf(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// escapeKey escapes a key as S3 signs it: all bytes but letters, digits and -._~/.
func escapeKey(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		isPlain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0
		if isPlain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
