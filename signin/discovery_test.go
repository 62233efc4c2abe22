package signin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

// discoveryCases are providers and issuers that do not fit each other, and what each must lead to.
var discoveryCases = map[string]struct {
	change func(*signintest.Provider)
	issuer func(url string) string // the configured issuer
	want   error
	text   string // of the error; URL stands for the provider's URL
}{
	"the same issuer": {nil, func(url string) string { return url }, nil, ""},
	"the same issuer with a slash": {
		func(p *signintest.Provider) { p.Issuer = p.URL + "/" }, func(url string) string { return url + "/" }, nil, "",
	},
	"a missing slash": {
		func(p *signintest.Provider) { p.Issuer = p.URL + "/" }, func(url string) string { return url }, signin.ErrMisconfigured,
		`issuer "URL" does not match the issuer "URL/" in the provider's discovery document; they differ in the slash at the end`,
	},
	"an extra slash": {
		nil, func(url string) string { return url + "/" }, signin.ErrMisconfigured,
		`issuer "URL/" does not match the issuer "URL" in the provider's discovery document; they differ in the slash at the end`,
	},
	"another host": {
		func(p *signintest.Provider) { p.Issuer = "https://login.example" }, func(url string) string { return url },
		signin.ErrMisconfigured,
		`issuer "URL" does not match the issuer "https://login.example" in the provider's discovery document`,
	},
	"missing fields": {
		func(p *signintest.Provider) { p.Omit = []string{"issuer", "token_endpoint", "jwks_uri"} },
		func(url string) string { return url }, signin.ErrMisconfigured,
		"the discovery document at URL/.well-known/openid-configuration lacks the URL in " +
			"issuer, token_endpoint, jwks_uri",
	},
	"a missing authorization endpoint": {
		func(p *signintest.Provider) { p.Omit = []string{"authorization_endpoint"} },
		func(url string) string { return url }, signin.ErrMisconfigured,
		"the discovery document at URL/.well-known/openid-configuration lacks the URL in " +
			"authorization_endpoint",
	},
	"an issuer below which there is no document": {
		nil, func(url string) string { return url + "/realms/other" }, signin.ErrUnreachable,
		"the sign-in provider could not be reached: URL/realms/other/.well-known/openid-configuration answered with HTTP status 404",
	},
	"a provider that hangs": {
		func(p *signintest.Provider) { p.Hang = true }, func(url string) string { return url }, signin.ErrUnreachable,
		"the sign-in provider could not be reached: ",
	},
	"a provider that is down": {
		func(p *signintest.Provider) { p.Close() }, func(url string) string { return url }, signin.ErrUnreachable,
		"the sign-in provider could not be reached: ",
	},
}

// impatient is a client that soon gives up.
func impatient() *http.Client { return &http.Client{Timeout: 200 * time.Millisecond} }

func TestCheckDiscovery(t *testing.T) {
	t.Parallel()
	for name, tc := range discoveryCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := signintest.Start()
			defer p.Close()
			if tc.change != nil {
				tc.change(p)
			}
			client := http.DefaultClient
			if p.Hang {
				client = impatient()
			}
			err := signin.CheckDiscovery(t.Context(), tc.issuer(p.URL), client)
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.want)
			text := strings.ReplaceAll(err.Error(), p.URL, "URL")
			if strings.HasSuffix(tc.text, ": ") {
				require.Contains(t, text, tc.text)
			} else {
				require.Equal(t, tc.text, text)
			}
			other := map[error]error{signin.ErrMisconfigured: signin.ErrUnreachable, signin.ErrUnreachable: signin.ErrMisconfigured}
			require.NotErrorIs(t, err, other[tc.want])
		})
	}
}

// TestCheckDiscoveryOfOtherServers holds that an answer that is no discovery document is told apart from an outage,
// and that an endless answer is cut.
func TestCheckDiscoveryOfOtherServers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   io.Reader
		want   error
	}{
		"a web site that answers every path": {http.StatusOK, strings.NewReader("<!DOCTYPE html>"), signin.ErrMisconfigured},
		"an empty document":                  {http.StatusOK, strings.NewReader("{}"), signin.ErrMisconfigured},
		"an endless document":                {http.StatusOK, endless{}, signin.ErrMisconfigured},
		"a proxy without its backend":        {http.StatusBadGateway, strings.NewReader(""), signin.ErrUnreachable},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.Copy(w, tc.body)
		}))
		err := signin.CheckDiscovery(t.Context(), server.URL, nil)
		server.Close()
		require.ErrorIs(t, err, tc.want, name)
		require.NotContains(t, err.Error(), "DOCTYPE", "the answer is not quoted")
	}
	require.ErrorIs(t, signin.CheckDiscovery(t.Context(), "https://a b.example", nil), signin.ErrMisconfigured)
}

// endless is a document without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// TestPageForWrongIssuer holds that an approver is asked to come back in a minute only if that can help, and that the
// log names both URLs and the setting.
func TestPageForWrongIssuer(t *testing.T) {
	t.Parallel()
	for name, tc := range discoveryCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var url string
			h := newSite(t, func(c *signin.Config) {
				url = c.Settings.Issuer
				c.Settings.Issuer, c.Client = tc.issuer(c.Settings.Issuer), impatient()
			})
			if tc.change != nil {
				tc.change(h.provider)
			}
			resp, err := h.client.Get(h.url + "/signin/link-1")
			require.NoError(t, err)
			page, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			switch {
			case tc.want == nil:
				require.Equal(t, "Alan@example.com at link-1", string(page))
				require.Contains(t, h.log.String(), "sign-in provider found")
			case errors.Is(tc.want, signin.ErrMisconfigured):
				require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
				require.Empty(t, resp.Header.Get("Retry-After"))
				require.Contains(t, string(page), "not set up correctly")
				require.Contains(t, string(page), "tell the people who operate this service")
				require.NotContains(t, string(page), "minute")
				require.NotContains(t, string(page), url, "the page shows nothing of the configuration")
				require.Contains(t, h.log.String(), "level=WARN")
				require.Contains(t, h.log.String(), "setting=public.oidc.issuer configured="+tc.issuer(url))
			default:
				require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
				require.Equal(t, "10", resp.Header.Get("Retry-After"))
				require.Contains(t, string(page), "again in a minute")
				require.Contains(t, h.log.String(), `level=WARN msg="the sign-in provider could not be reached"`)
			}
			if h.provider.Issuer != "" && tc.want != nil {
				require.Contains(t, h.log.String(), "discovered="+h.provider.Issuer)
			}
		})
	}
}

// fakeTransport answers without a network, so that it works under synctest.
type fakeTransport func(*http.Request) (*http.Response, error)

func (f fakeTransport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func document(issuer string) *http.Response {
	text := `{"issuer": "` + issuer + `", "authorization_endpoint": "https://id.example/a", ` +
		`"token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k"}`
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(text))}
}

// TestFindProvider holds that a provider that is down at the start is looked up again until it answers, that each
// failure is logged once, and that the lookup ends with its context.
func TestFindProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		answers := []func(*http.Request) (*http.Response, error){
			func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
			func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, // hangs
			func(*http.Request) (*http.Response, error) { return document("https://id.example/"), nil },
			func(*http.Request) (*http.Response, error) { return document("https://id.example"), nil },
		}
		calls := 0
		h, err := signin.New(signin.Config{
			Settings: signin.Settings{
				Issuer:       "https://id.example",
				ClientID:     "x",
				ClientSecret: secret.New("x"),
			},
			Client: &http.Client{Transport: fakeTransport(func(r *http.Request) (*http.Response, error) {
				calls++
				return answers[calls-1](r)
			})},
			Now: time.Now,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		began := time.Now()
		h.FindProvider(t.Context())
		require.Equal(t, 4, calls)
		require.Equal(t, 15*time.Second+10*time.Second+30*time.Second+time.Minute, time.Since(began))
		require.Equal(t, 2, strings.Count(log.String(), "could not be reached\""), log.String())
		require.Equal(t, 1, strings.Count(log.String(), "nobody can sign in"), log.String())
		require.Contains(t, log.String(), "setting=public.oidc.issuer configured=https://id.example discovered=https://id.example/")
		require.Contains(t, log.String(), "level=INFO msg=\"sign-in provider found\"")
		h.FindProvider(t.Context())
		require.Equal(t, 4, calls, "a provider that was found is not looked up again")
	})
}

func TestFindProviderEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		h, err := signin.New(signin.Config{
			Settings: signin.Settings{
				Issuer:       "https://id.example",
				ClientID:     "x",
				ClientSecret: secret.New("x"),
			},
			Client: &http.Client{Transport: fakeTransport(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})},
			Now: time.Now,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { h.FindProvider(ctx); close(ended) }()
		synctest.Wait()
		cancel()
		<-ended
		require.Empty(t, log.String(), "an end that we caused is not a fault of the provider")
	})
}

// TestCheckOnline holds that `check config --online` reports a wrong issuer as a fault, and an outage as a warning.
func TestCheckOnline(t *testing.T) {
	t.Parallel()
	provider, down := signintest.Start(), signintest.Start()
	defer provider.Close()
	down.Close()
	for issuer, want := range map[string][]string{
		provider.URL: nil,
		provider.URL + "/": {fmt.Sprintf(`0 public.oidc.issuer: issuer %q does not match the issuer %q in the provider's discovery `+
			"document; they differ in the slash at the end", provider.URL+"/", provider.URL)},
		down.URL: {"1 public.oidc.issuer: the sign-in provider could not be reached"},
	} {
		var found []string
		settings := signin.Settings{Issuer: issuer}
		settings.CheckOnline(t.Context(), setup.NewCheck("public.oidc", func(path string, severity setup.Severity, message string) {
			text, _, _ := strings.Cut(message, ": Get ")
			found = append(found, fmt.Sprintf("%d %s: %s", severity, path, text))
		}))
		require.Equal(t, want, found)
	}
}
