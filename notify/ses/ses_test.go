package ses_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/ses"
	"github.com/approval-relay/approval-relay/notify/ses/sestest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const key = "very-s3cret-access-key"

func client(url string, credentials aws.CredentialsProvider) *sesv2.Client {
	if credentials == nil {
		credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: key}, nil
		})
	}
	return sesv2.NewFromConfig(aws.Config{
		Region:           "eu-central-1",
		BaseEndpoint:     aws.String(url),
		Credentials:      credentials,
		RetryMaxAttempts: 5,
	})
}

func open(t *testing.T, api ses.API, c ses.Config) *ses.Channel {
	t.Helper()
	if c.From == "" {
		c.From = `"Genehmigung für Käufe" <relay@example.org>`
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	ch, err := ses.NewChannel(api, c)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func sent(t *testing.T, m approval.Message, c ses.Config) sestest.Email {
	t.Helper()
	s := sestest.StartServer(t)
	if err := open(t, client(s.URL, nil), c).Notify(t.Context(), m); err != nil || len(s.Emails()) != 1 ||
		s.CountCalls() != 1 {
		t.Fatalf("%v, %d e-mails in %d calls", err, len(s.Emails()), s.CountCalls())
	}
	return s.Emails()[0]
}

func hostile() approval.Message {
	m := notifytest.NewMessage()
	m.OrderID, m.Title = "A\r\nBcc: evil@example.com\r\n\r\nbody", "Réfund <a href='https://evil.example'>x</a> "+strings.Repeat("très ", 40)
	m.Details = []approval.Field{{Name: `"><img src=x>`, Value: "{{ses:openTracker}}\n<a href=\"https://evil.example\">"}}
	m.Requester, m.Step = "\u202eevil", "=?utf-8?q?=0D=0ABcc:_evil?="
	return m
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]approval.Message{"good_request": notifytest.NewMessage(), "good_hostile": hostile()} {
		got := sent(t, m, ses.Config{Settings: ses.Settings{ConfigurationSet: "approvals"}})
		if got.From != "=?utf-8?q?Genehmigung_f=C3=BCr_K=C3=A4ufe?= <relay@example.org>" ||
			got.To != "alan@example.com" || got.ConfigurationSet != "approvals" {
			t.Errorf("%s: %+v", name, got)
		}
		for header, want := range map[string]string{
			"References":               "<0123456789abcdef0123456789abcdef@example.org>",
			"Auto-Submitted":           "auto-generated",
			"Content-Language":         "en",
			"X-Auto-Response-Suppress": "All",
		} {
			if got.Headers[header] != want || len(got.Headers) != 4 {
				t.Errorf("%s: headers %v", name, got.Headers)
			}
		}
		golden(t, name+".txt", "Subject: "+got.Subject+"\n\n"+got.Plain)
		golden(t, name+".html", got.HTML)
		if strings.Contains(got.Plain+got.HTML, "tracker.invalid") ||
			strings.Count(got.HTML, "<a ses:no-track href=\""+notifytest.Link+`"`) != 2 ||
			strings.Count(got.HTML, "ses:no-track") != 2 {
			t.Errorf("%s: it is tracked", name)
		}
	}
	german := sent(t, notifytest.NewGermanMessage(t), ses.Config{})
	if german.ReplyTo != "<freigaben@example.com>" || german.Headers["Content-Language"] != "de-DE" {
		t.Errorf("%q %v", german.ReplyTo, german.Headers)
	}
	notifytest.NoEnglish(t, german.Plain+german.HTML)
	if got := sent(t, notifytest.NewMessage(), ses.Config{}); got.ConfigurationSet != "" {
		t.Errorf("configuration set %q", got.ConfigurationSet)
	}
}

// The e-mail is the same as from notify/smtp.
func TestSameAsSMTP(t *testing.T) {
	t.Parallel()
	got := sent(t, notifytest.NewMessage(), ses.Config{})
	for name, text := range map[string]string{"txt": "Subject: " + got.Subject + "\n\n" + got.Plain,
		"html": strings.ReplaceAll(got.HTML, " ses:no-track", "")} {
		want, err := os.ReadFile("../smtp/testdata/good_request." + name)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	templates, err := email.ParseTemplates(email.Source{HTML: `<A
 HREF="{{.Link}}">1</A><a ses:no-track href="{{.Link}}">2</a><abbr>{{.Title}}</abbr><a>3</a>`})
	if err != nil {
		t.Fatal(err)
	}
	want := "<A ses:no-track\n HREF=\"" + notifytest.Link + `">1</A><a ses:no-track href="` + notifytest.Link + `">2</a>` +
		`<abbr>Refund of 480 EUR to Ada Lovelace</abbr><a ses:no-track>3</a>`
	if got := sent(t, notifytest.NewMessage(),
		ses.Config{Settings: ses.Settings{Templates: email.FilesOf(templates)}}); got.HTML != want {
		t.Errorf("%s", got.HTML)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s", name, got)
	}
}

func TestErrors(t *testing.T) {
	const refused, failed = approval.ResultRefused, approval.ResultFailed
	for _, c := range []struct {
		status int
		code   string
		kind   approval.ResultKind
		maybe  bool
	}{
		{400, "MessageRejected", refused, false},
		{400, "MailFromDomainNotVerifiedException", refused, false},
		{400, "BadRequestException", refused, false},
		{400, "AccountSuspendedException", failed, false},
		{400, "SendingPausedException", failed, false},
		{400, "LimitExceededException", failed, false},
		{404, "NotFoundException", failed, false},
		{429, "TooManyRequestsException", failed, false},
		{400, "ThrottlingException", failed, false},
		{503, "Throttling", failed, false},
		{403, "AccessDeniedException", failed, false},
		{403, "ExpiredTokenException", failed, false},
		{408, "RequestTimeout", failed, true},
		{500, "InternalFailure", failed, true},
		{503, "ServiceUnavailable", failed, true},
	} {
		s := sestest.StartServer(t)
		s.Answer = func(w http.ResponseWriter, _ *http.Request) {
			sestest.WriteError(w, c.status, c.code, "address alan@example.com, link "+notifytest.Link)
		}
		err := notifytest.NoLeaks(t, open(t, client(s.URL, nil), ses.Config{}), key)
		r := approval.ResultOf(err)
		if r.Kind != c.kind || r.MaybeApplied != c.maybe || s.CountCalls() != 1 ||
			!strings.Contains(r.Reason, c.code) || !strings.Contains(r.Reason, "req-1") || strings.Contains(r.Reason, "alan") {
			t.Errorf("%d %s: %+v after %d calls", c.status, c.code, r, s.CountCalls())
		}
	}
}

// Calls without a response: each kind of failure before and after the request was sent.
func TestNoAnswer(t *testing.T) {
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
	garbage := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>"+notifytest.Link) }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	_ = l.Close()
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("sts says: " + key)
	})
	notACode := func(w http.ResponseWriter, _ *http.Request) {
		sestest.WriteError(w, http.StatusForbidden, "see "+notifytest.Link, "")
	}
	for name, c := range map[string]struct {
		url    string // empty is the server's
		creds  aws.CredentialsProvider
		answer http.HandlerFunc
		maybe  bool
		says   string
	}{
		"connection refused":  {closed, nil, nil, false, "not sent: dial tcp"},
		"no such host":        {"http://no-such-host.invalid", nil, nil, false, "not sent: lookup"},
		"no credentials":      {"", none, nil, false, "not sent: no credentials to sign with"},
		"the answer is lost":  {"", nil, hangUp, true, "no answer: "},
		"a 200 that is HTML":  {"", nil, garbage, true, ""},
		"no code of an error": {"", nil, notACode, false, "UnknownError (HTTP 403, request req-1)"},
	} {
		s := sestest.StartServer(t)
		s.Answer = c.answer
		r := approval.ResultOf(notifytest.NoLeaks(t, open(t, client(cmp.Or(c.url, s.URL), c.creds), ses.Config{}), key))
		if r.Kind != approval.ResultFailed || r.MaybeApplied != c.maybe ||
			!strings.HasPrefix(r.Reason, "SendEmail: "+c.says) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestTimeout(t *testing.T) {
	s, hang := sestest.StartServer(t), make(chan struct{})
	s.Answer = func(http.ResponseWriter, *http.Request) { <-hang }
	defer close(hang)
	err := notifytest.NoLeaks(t, open(t, client(s.URL, nil), ses.Config{Timeout: 50 * time.Millisecond}), key)
	if !errors.Is(err, context.DeadlineExceeded) || approval.ResultOf(err).Kind != approval.ResultFailed {
		t.Error(err)
	}
}

func TestApproverMustBeAnAddress(t *testing.T) {
	t.Parallel()
	s := sestest.StartServer(t)
	for _, approver := range []string{"", "alan", "source:erp", "Alan <alan@example.com>",
		"a@example.com,b@example.com", "a@example.com\r\nBcc: b@example.com"} {
		m := notifytest.NewMessage()
		m.Approver = approver
		if err := open(t, client(s.URL, nil), ses.Config{}).Notify(t.Context(), m); !approval.IsPermanent(err) ||
			s.CountCalls() != 0 {
			t.Errorf("%q: %v", approver, err)
		}
	}
}

func TestNewNamesFaults(t *testing.T) {
	t.Parallel()
	_, err := ses.NewChannel(nil, ses.Config{Settings: ses.Settings{From: "nobody", ConfigurationSet: "a b"}})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Fatal(err)
	}
	for _, field := range []string{"from: ", "configuration_set: "} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
