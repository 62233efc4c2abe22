package awsjson_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/awsjson"
)

// settings is a source of the SDK's configuration, as the environment and the profile are.
type settings struct{ fips, dualStack bool }

func (s settings) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return map[bool]aws.FIPSEndpointState{true: aws.FIPSEndpointStateEnabled}[s.fips], s.fips, nil
}

func (s settings) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return map[bool]aws.DualStackEndpointState{true: aws.DualStackEndpointStateEnabled}[s.dualStack], s.dualStack, nil
}

// Each request is as the SDK makes it: the same URL, host, headers and signed headers, and a good signature.
func TestRequestIsThatOfTheSDK(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*aws.Config){
		"plain":           func(*aws.Config) {},
		"FIPS":            func(c *aws.Config) { c.ConfigSources = []any{settings{fips: true}} },
		"dual stack":      func(c *aws.Config) { c.ConfigSources = []any{settings{dualStack: true}} },
		"FIPS, dual":      func(c *aws.Config) { c.ConfigSources = []any{settings{true, true}}; c.Region = "us-gov-west-1" },
		"China":           func(c *aws.Config) { c.Region = "cn-north-1" },
		"a custom host":   func(c *aws.Config) { c.BaseEndpoint = aws.String("http://127.0.0.1:8000") },
		"a custom path":   func(c *aws.Config) { c.BaseEndpoint = aws.String("https://proxy.example/aws/states") },
		"an app":          func(c *aws.Config) { c.AppID = "our-app" },
		"an account":      func(c *aws.Config) { c.Credentials = static("123456789012") },
		"no signature":    func(c *aws.Config) { c.Credentials = aws.AnonymousCredentials{} },
		"no credentials?": func(c *aws.Config) { c.Credentials = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &server{}
				c := config(s)
				change(&c)
				for _, op := range operations(t, c) {
					s.requests, s.bodies = nil, nil
					leanErr, sdkErr := op.do(t.Context()), op.sdk(t.Context())
					require.Equal(t, sdkErr == nil, leanErr == nil, "%v; %v", leanErr, sdkErr)
					if sdkErr != nil {
						require.Empty(t, s.requests)
						continue
					}
					require.Len(t, s.requests, 2)
					ours, sdk := s.requests[0], s.requests[1]
					require.Equal(t, s.bodies[1], s.bodies[0])
					require.Equal(t, sdk.URL, ours.URL)
					require.Equal(t, sdk.Host, ours.Host)
					require.Equal(t, sdk.Method, ours.Method)
					require.Equal(t, sdk.ContentLength, ours.ContentLength)
					checkSignature(t, sdk, s.bodies[1], c.Region)
					checkSignature(t, ours, s.bodies[0], c.Region)
					require.Equal(t, headersToCompare(sdk), headersToCompare(ours))
				}
			})
		})
	}
}

// headersToCompare returns the headers without the signature and the random ID of the call.
func headersToCompare(r *http.Request) http.Header {
	h := r.Header.Clone()
	before, _, _ := strings.Cut(h.Get("Authorization"), "Signature=")
	h.Set("Authorization", before)
	if len(h.Get("Amz-Sdk-Invocation-Id")) == 36 {
		h.Set("Amz-Sdk-Invocation-Id", "a UUID")
	}
	return h
}

// checkSignature signs the request again with the SDK's signer, which must come to the same signature.
func checkSignature(t *testing.T, r *http.Request, body, region string) {
	t.Helper()
	got := r.Header.Get("Authorization")
	if got == "" {
		return
	}
	again := r.Clone(t.Context())
	again.Header.Del("Authorization")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	require.NoError(t, err)
	service := map[bool]string{true: "states", false: "dynamodb"}[strings.Contains(r.Header.Get("X-Amz-Target"), "Step")]
	hash := sha256.Sum256([]byte(body))
	id, _, _ := strings.Cut(strings.TrimPrefix(got, "AWS4-HMAC-SHA256 Credential="), "/")
	credentials := aws.Credentials{
		AccessKeyID: id, SecretAccessKey: "verysecretkey", SessionToken: r.Header.Get("X-Amz-Security-Token"),
	}
	require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), credentials, again, hex.EncodeToString(hash[:]), service, region, at))
	require.Equal(t, again.Header.Get("Authorization"), got)
}

// Credentials are renewed when they expire, as with the SDK: the cache of the configuration decides. Another account may
// have another endpoint.
func TestCredentialsAreRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		c := config(s)
		retrieved := 0
		c.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			retrieved++
			return aws.Credentials{
				AccessKeyID: "AKID" + strings.Repeat("X", retrieved), SecretAccessKey: "verysecretkey",
				SessionToken: strings.Repeat("s", retrieved), AccountID: strings.Repeat(string(rune('0'+retrieved)), 12),
				CanExpire: true, Expires: time.Now().Add(time.Hour),
			}, nil
		}))
		op := putItem(t, c)
		for range 3 {
			require.NoError(t, op.do(t.Context()))
			require.NoError(t, op.do(t.Context()))
			time.Sleep(2 * time.Hour)
		}
		require.Equal(t, 3, retrieved)
		require.Len(t, s.requests, 6)
		for i, r := range s.requests {
			checkSignature(t, r, s.bodies[i], c.Region)
			require.Equal(t, strings.Repeat("s", i/2+1), r.Header.Get("X-Amz-Security-Token"))
			account := strings.Repeat(string(rune('1'+i/2)), 12)
			require.Equal(t, account+".ddb.eu-central-1.amazonaws.com", r.URL.Host)
		}
	})
}

// A clock that is wrong is corrected by the time of each answer, also of one that failed.
func TestClockIsCorrected(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{answer: func(*http.Request) (*http.Response, error) {
				return answer(http.StatusForbidden, `{"__type":"InvalidSignatureException"}`,
					"Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat)), nil
			}}
			op := stepFunctions(t, config(s))
			require.Error(t, op.do(t.Context()))
			require.Error(t, op.do(t.Context()))
			require.Equal(t, time.Now().UTC().Format("20060102T150405Z"), s.requests[0].Header.Get("X-Amz-Date"))
			require.Equal(t, time.Now().Add(ahead).UTC().Format("20060102T150405Z"), s.requests[1].Header.Get("X-Amz-Date"))
			s.answer = func(*http.Request) (*http.Response, error) { // a cache tells nothing
				return answer(http.StatusOK, "{}", "Age", "5"), nil
			}
			require.NoError(t, op.do(t.Context()))
			require.NoError(t, op.do(t.Context()))
			require.Equal(t, s.requests[1].Header.Get("X-Amz-Date"), s.requests[3].Header.Get("X-Amz-Date"))
		})
	}
}

// A call that the SDK makes before the operation, such as the discovery of an endpoint, is not taken for it.
func TestAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	s := &server{}
	op, err := awsjson.NewOperation(awsjson.Config{
		AWS: config(s), HTTPClient: s, ServiceID: "DynamoDB", Name: "PutItem",
		Call: func(ctx context.Context, with awsjson.Options) error {
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://host", nil)
			r.Header.Set("X-Amz-Target", "DynamoDB_20120810.DescribeEndpoints")
			_, err := with.HTTPClient.Do(r)
			return err
		},
	})
	require.NoError(t, err)
	require.ErrorContains(t, op.Do(t.Context(), awsjson.Call{}), "DescribeEndpoints")
	require.Empty(t, s.requests)
}

// Calls at once do not share what they change.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	var good atomic.Int32
	client := clientFunc(func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err == nil && r.Header.Get("Authorization") != "" && body.Close() == nil {
			good.Add(1)
		}
		return answer(http.StatusOK, "{}"), nil
	})
	c := config(nil)
	c.HTTPClient = client
	op := stepFunctions(t, c)
	done := make(chan error)
	for range 16 {
		go func() { done <- op.do(context.Background()) }()
	}
	for range 16 {
		require.NoError(t, <-done)
	}
	require.EqualValues(t, 16, good.Load())
}

type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// net/http sends the headers of a request together with a body of this type, and not before.
func TestBodyIsKnownToBeInMemory(t *testing.T) {
	t.Parallel()
	s := &server{}
	require.NoError(t, stepFunctions(t, config(s)).do(t.Context()))
	inMemory := io.NopCloser(bytes.NewReader(nil))
	require.IsType(t, inMemory, s.requests[0].Body)
	again, err := s.requests[0].GetBody()
	require.NoError(t, err)
	require.IsType(t, inMemory, again)
}
