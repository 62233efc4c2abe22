package sns_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/sns"
)

var update = flag.Bool("update", false, "write the golden files anew")

const key = "very-s3cret-access-key"

func open(t *testing.T, url string, timeout time.Duration) *sns.Channel {
	t.Helper()
	api := awssns.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(url), RetryMaxAttempts: 5,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: key}, nil
		}),
	})
	ch, err := sns.NewChannel(api, sns.Config{Settings: sns.Settings{Topic: topic}, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func sent(t *testing.T, m approval.Message) published {
	t.Helper()
	s := start(t, &server{})
	if err := open(t, s.url, time.Minute).Notify(t.Context(), m); err != nil || len(s.published) != 1 || s.calls != 1 {
		t.Fatalf("%v after %d calls", err, s.calls)
	}
	return s.published[0]
}

func TestPublish(t *testing.T) {
	t.Parallel()
	reminder := notifytest.NewMessage()
	reminder.Kind, reminder.Details, reminder.Step, reminder.Attempt = approval.NotifyReminder, nil, "", 3
	hostile := notifytest.NewMessage()
	hostile.OrderID, hostile.Title = "A\x00\xff\r\n", "{\"link\":\"https://evil.example\"}\u202e"
	for name, m := range map[string]approval.Message{"good_request": notifytest.NewMessage(),
		"good_reminder": reminder, "good_hostile": hostile} {
		got := sent(t, m)
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(got.message), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", b.String()+"\n")
		want := "notification." + string(m.Kind)
		if len(got.attributes) != 2 || got.attributes["type"] != want || got.attributes["workflow"] != "refunds" {
			t.Errorf("%s: %v", name, got.attributes)
		}
		if strings.Contains(got.message, "approve.example.com") || strings.Contains(got.message, `"link":`) {
			t.Errorf("%s: the link is in it: %s", name, got.message)
		}
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

// The largest possible event is cut to the limit, and counts the details that are left out.
func TestLargest(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Workflow, m.Details = strings.Repeat("w", 256), nil
	for range 50 {
		m.Details = append(m.Details, approval.Field{Name: "<", Value: strings.Repeat("\x01", 2048)})
	}
	var e struct {
		Data struct {
			Details    []approval.Field
			DetailsCut int
		}
	}
	if err := json.Unmarshal([]byte(sent(t, m).message), &e); err != nil || e.Data.DetailsCut == 0 ||
		len(e.Data.Details)+e.Data.DetailsCut != 50 {
		t.Errorf("%v, %d details, %d cut", err, len(e.Data.Details), e.Data.DetailsCut)
	}
}

// An event that fits only without its attributes is cut too.
func TestAttributesCount(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Workflow, m.Details = strings.Repeat("w", 256), []approval.Field{{Name: "last"}}
	size := func() int {
		b, err := event.EncodePublic(m, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	m.Details[0].Value = strings.Repeat("x", 262_144-size())
	if size() != 262_144 || !strings.Contains(sent(t, m).message, `"detailsCut":1`) {
		t.Errorf("%d bytes", size())
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
		{400, "InvalidParameter", refused, false},
		{400, "ParameterValueInvalid", refused, false},
		{400, "InvalidParameterValue", refused, false},
		{400, "ValidationException", refused, false},
		{404, "NotFound", failed, false},
		{403, "AuthorizationError", failed, false},
		{400, "EndpointDisabled", failed, false},
		{400, "KMSAccessDenied", failed, false},
		{400, "KMSThrottling", failed, false},
		{429, "Throttled", failed, false}, {400, "Throttling", failed, false}, {503, "ThrottlingException", failed, false},
		{403, "InvalidClientTokenId", failed, false},
		{500, "InternalError", failed, true},
		{503, "ServiceUnavailable", failed, true},
	} {
		s := start(t, &server{answer: func(w http.ResponseWriter, _ *http.Request) {
			fail(w, c.status, c.code, "for alan@example.com")
		}})
		r := approval.ResultOf(notifytest.NoLeaks(t, open(t, s.url, time.Minute), key))
		if r.Kind != c.kind || r.MaybeApplied != c.maybe || s.calls != 1 ||
			!strings.HasPrefix(r.Reason, "publish: "+c.code+" ") || strings.Contains(r.Reason, "alan") {
			t.Errorf("%d %s: %+v after %d calls", c.status, c.code, r, s.calls)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if r := approval.ResultOf(notifytest.NoLeaks(t, open(t, "http://"+l.Addr().String(), time.Minute),
		key)); r.Kind != approval.ResultFailed || r.MaybeApplied {
		t.Errorf("no server: %+v", r)
	}
	hang := make(chan struct{})
	s := start(t, &server{answer: func(http.ResponseWriter, *http.Request) { <-hang }})
	defer close(hang)
	err = notifytest.NoLeaks(t, open(t, s.url, 50*time.Millisecond), key)
	if !errors.Is(err, context.DeadlineExceeded) || approval.ResultOf(err).Kind != approval.ResultFailed {
		t.Errorf("no answer: %v", err)
	}
}

func TestNewNamesFaults(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "approvals", "arn:aws:sqs:eu-west-1:111122223333:approvals",
		"arn:aws:sns:eu-west-1:111122223333:", topic + ":subscription", topic + ".fifo"} {
		_, err := sns.NewChannel(nil, sns.Config{Settings: sns.Settings{Topic: bad}})
		if err == nil || !strings.Contains(err.Error(), "topic: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
