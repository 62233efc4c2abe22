package eventbridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/eventbridge"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/test/emulator"
)

var update = flag.Bool("update", false, "write the golden files again")

const secretKey = "very-s3cret-access-key"

// startBus starts an EventBridge with the bus "approvals".
func startBus(t *testing.T) (*emulator.EventBridge, string) {
	t.Helper()
	s, err := emulator.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.EventBridge.CreateEventBus("approvals")
	return s.EventBridge, s.URL()
}

func openChannel(t *testing.T, url string, settings eventbridge.Settings, timeout time.Duration) *eventbridge.Channel {
	t.Helper()
	api := sdk.NewFromConfig(aws.Config{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(url),
		RetryMaxAttempts: 5,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secretKey}, nil
		}),
	})
	ch, err := eventbridge.NewChannel(api, eventbridge.Config{Settings: settings, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// put sends a message and returns its event.
func put(t *testing.T, m approval.Message) emulator.Event {
	t.Helper()
	bus, url := startBus(t)
	err := openChannel(t, url, eventbridge.Settings{Bus: "approvals"}, time.Minute).Notify(t.Context(), m)
	events := bus.Events("approvals")
	if err != nil || len(events) != 1 || bus.CountCalls() != 1 {
		t.Fatalf("%v, %d events after %d calls", err, len(events), bus.CountCalls())
	}
	return events[0]
}

func TestEvent(t *testing.T) {
	t.Parallel()
	decided := notifytest.NewMessage()
	decided.Kind, decided.Event, decided.Approver = approval.NotifyEvent, "approval.decided", ""
	decided.At = decided.RequestedAt.Add(time.Hour)
	decided.Status, decided.ClosedAt = approval.Approved, decided.At
	decided.Votes = []approval.Vote{{
		Outcome: approval.Approve,
		By:      "alan@example.com",
		Via:     approval.ViaLink,
		At:      decided.At,
		Comment: "fine",
	}}
	hostile := notifytest.NewMessage()
	hostile.OrderID = "A\x00\xff\r\n"
	hostile.Title = "{\"link\":\"https://evil.example\"}\u202e"
	for name, m := range map[string]approval.Message{
		"good_request": notifytest.NewMessage(),
		"good_decided": decided,
		"good_hostile": hostile,
	} {
		got := put(t, m)
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(got.Detail), "", "  "); err != nil {
			t.Fatal(err)
		}
		compareGolden(t, name+".json", b.String()+"\n")
		checkCloudEvent(t, got)
		if strings.Contains(got.Detail, "approve.example.com") || strings.Contains(got.Detail, `"link":`) {
			t.Errorf("%s: the link is in it: %s", name, got.Detail)
		}
	}
}

// checkCloudEvent checks the attributes that CloudEvents requires, and that the event on the bus has the same values.
func checkCloudEvent(t *testing.T, e emulator.Event) {
	t.Helper()
	var c struct {
		SpecVersion string
		ID          string
		Source      string
		Type        string
		Subject     string
		Time        time.Time
		Data        map[string]any
	}
	if err := json.Unmarshal([]byte(e.Detail), &c); err != nil {
		t.Fatal(err)
	}
	if c.SpecVersion != "1.0" || c.ID == "" || c.Subject == "" || c.Data["orderId"] != c.Subject ||
		c.Source != "approval-relay" || c.Source != e.Source || c.Type != e.DetailType || float64(c.Time.Unix()) != e.Time {
		t.Errorf("%+v", e)
	}
}

// compareGolden compares a text with a golden file.
func compareGolden(t *testing.T, name, got string) {
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

// TestLargest checks that the largest possible event fits, also with the longest source and detail type, and that it
// counts the details that it leaves out.
func TestLargest(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	m.Details = nil
	for range 50 {
		m.Details = append(m.Details, approval.Field{Name: "<", Value: strings.Repeat("\x01", 2048)})
	}
	bus, url := startBus(t)
	ch := openChannel(t, url, eventbridge.Settings{
		Bus:        "approvals",
		Source:     strings.Repeat("s", 256),
		DetailType: strings.Repeat("d", 128),
	}, time.Minute)
	if err := ch.Notify(t.Context(), m); err != nil || len(bus.Events("approvals")) != 1 {
		t.Fatalf("%v, %d events", err, len(bus.Events("approvals")))
	}
	var e struct {
		Data struct {
			Details    []approval.Field
			DetailsCut int
		}
	}
	err := json.Unmarshal([]byte(bus.Events("approvals")[0].Detail), &e)
	if err != nil || e.Data.DetailsCut == 0 || len(e.Data.Details)+e.Data.DetailsCut != 50 {
		t.Errorf("%v, %d details, %d cut", err, len(e.Data.Details), e.Data.DetailsCut)
	}
}

// TestEntryErrors has the failures that come inside an answer with status 200.
func TestEntryErrors(t *testing.T) {
	for _, c := range []struct {
		code  string
		kind  approval.ResultKind
		maybe bool
	}{
		{"InternalFailure", approval.ResultFailed, true},
		{"ThrottlingException", approval.ResultFailed, false},
		{"AccessDeniedException", approval.ResultFailed, false},
		{"NotAuthorizedForSourceException", approval.ResultFailed, false},
		{"NotAuthorizedForDetailTypeException", approval.ResultFailed, false},
		{"InvalidAccountIdException", approval.ResultFailed, false},
		{"InvalidArgument", approval.ResultRefused, false},
		{"MalformedDetail", approval.ResultRefused, false},
		{"RedactionFailure", approval.ResultRefused, false},
	} {
		bus, url := startBus(t)
		bus.FailNext(c.code)
		ch := openChannel(t, url, eventbridge.Settings{Bus: "approvals"}, time.Minute)
		r := approval.ResultOf(notifytest.NoLeaks(t, ch, secretKey))
		if r.Kind != c.kind || r.MaybeApplied != c.maybe || !strings.HasPrefix(r.Reason, "put the event: "+c.code+" ") ||
			strings.Contains(r.Reason, "Lovelace") || len(bus.Events("approvals")) != 0 {
			t.Errorf("%s: %+v", c.code, r)
		}
	}
}

// TestCallErrors has the failures of the whole call.
func TestCallErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		kind   approval.ResultKind
		maybe  bool
	}{
		{400, "ValidationException", approval.ResultRefused, false},
		{400, "ThrottlingException", approval.ResultFailed, false},
		{400, "AccessDeniedException", approval.ResultFailed, false},
		{400, "OperationDisabledException", approval.ResultFailed, false},
		{400, "ResourceNotFoundException", approval.ResultFailed, false},
		{403, "ExpiredTokenException", approval.ResultFailed, false},
		{500, "InternalException", approval.ResultFailed, true},
		{503, "ServiceUnavailable", approval.ResultFailed, true},
		{200, "", approval.ResultFailed, true}, // a failure that the answer does not name
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", c.code)
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(`{"FailedEntryCount": 1, "Entries": [{}], "message": "for alan@example.com"}`))
		}))
		defer server.Close()
		ch := openChannel(t, server.URL, eventbridge.Settings{}, time.Minute)
		r := approval.ResultOf(notifytest.NoLeaks(t, ch, secretKey))
		if r.Kind != c.kind || r.MaybeApplied != c.maybe || strings.Contains(r.Reason, "alan") {
			t.Errorf("%d %s: %+v", c.status, c.code, r)
		}
	}
}

// TestLostAnswer applies the call and loses its answer.
func TestLostAnswer(t *testing.T) {
	bus, url := startBus(t)
	bus.FailNext("lose", "fail")
	ch := openChannel(t, url, eventbridge.Settings{Bus: "approvals"}, time.Minute)
	for range 2 {
		if r := approval.ResultOf(notifytest.NoLeaks(t, ch, secretKey)); r.Kind != approval.ResultFailed || !r.MaybeApplied {
			t.Errorf("%+v", r)
		}
	}
	if got := bus.Events("approvals"); len(got) != 1 || bus.CountCalls() != 2 {
		t.Errorf("%d events after %d calls", len(got), bus.CountCalls())
	}
}

func TestNoAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	ch := openChannel(t, "http://"+l.Addr().String(), eventbridge.Settings{}, time.Minute)
	if r := approval.ResultOf(notifytest.NoLeaks(t, ch, secretKey)); r.Kind != approval.ResultFailed || r.MaybeApplied {
		t.Errorf("no server: %+v", r)
	}
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	err = notifytest.NoLeaks(t, openChannel(t, server.URL, eventbridge.Settings{}, 50*time.Millisecond), secretKey)
	if !errors.Is(err, context.DeadlineExceeded) || approval.ResultOf(err).Kind != approval.ResultFailed {
		t.Errorf("no answer: %v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:events:eu-west-1:111122223333:event-bus/approvals"
	for _, c := range []struct {
		settings eventbridge.Settings
		want     string
	}{
		{eventbridge.Settings{}, ""},
		{eventbridge.Settings{Bus: arn, DetailType: "Approval"}, ""},
		{eventbridge.Settings{Bus: "aws.partner/example.com/x"}, ""},
		{eventbridge.Settings{Bus: "my bus"}, "bus: must be"},
		{eventbridge.Settings{Bus: "arn:aws:sns:us-east-1:111122223333:approvals"}, "bus: must be"},
		{eventbridge.Settings{Source: "aws.approvals"}, "source: must be"},
		{eventbridge.Settings{Source: "our approvals"}, "source: must be"},
		{eventbridge.Settings{DetailType: strings.Repeat("ü", 129)}, "detail_type: must be at most 128"},
		{eventbridge.Settings{AWS: setup.AWS{Role: "me"}}, "role: must be"},
	} {
		c.settings.SetDefaults(setup.Common{Region: "us-east-1"})
		err := setup.FaultsOf(&c.settings)
		if (err == nil) != (c.want == "") || (err != nil && !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%+v: %v", c.settings, err)
		}
		region := "us-east-1"
		if c.settings.Bus == arn {
			region = "eu-west-1"
		}
		if c.settings.Region != region {
			t.Errorf("%s is in %s", c.settings.Bus, c.settings.Region)
		}
	}
	_, err := eventbridge.NewChannel(nil, eventbridge.Config{Settings: eventbridge.Settings{Bus: "my bus"}})
	if err == nil {
		t.Error("a channel without a bus")
	}
	if got := new(eventbridge.Settings).Audience(); got != notify.AudiencePrograms {
		t.Errorf("audience %s", got)
	}
}
