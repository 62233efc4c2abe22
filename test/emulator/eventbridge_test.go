package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestPutEvents puts events that EventBridge accepts, refuses and discards.
func TestPutEvents(t *testing.T) {
	t.Parallel()
	s, err := emulator.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	arn := s.EventBridge.CreateEventBus("approvals")
	client := eventbridge.New(eventbridge.Options{
		Region:       emulator.Region,
		BaseEndpoint: aws.String(s.URL()),
		Credentials:  credentials.NewStaticCredentialsProvider("x", "x", ""),
	})
	largest := `{"x":"` + strings.Repeat("x", 262_144-len("relay")-len("t")-14-8) + `"}`
	for _, c := range []struct {
		name       string
		bus        string
		source     string
		detailType string
		detail     string
		want       string // the error code of the call or of the event
		kept       int
	}{
		{"accepted by name", "approvals", "relay", "t", `{}`, "", 1},
		{"accepted by ARN", arn, "relay", "t", `{}`, "", 1},
		{"the largest", "approvals", "relay", "t", largest, "", 1},
		{"too large", "approvals", "relay", "t", largest + " ", "ValidationException", 0},
		{"no source", "approvals", "", "t", `{}`, "InvalidArgument", 0},
		{"no object", "approvals", "relay", "t", `[]`, "MalformedDetail", 0},
		{"a source of AWS", "approvals", "aws.relay", "t", `{}`, "NotAuthorizedForSourceException", 0},
		{"no such bus", "others", "relay", "t", `{}`, "", 0},
		{"a long detail type", "approvals", "relay", strings.Repeat("t", 129), `{}`, "", 0},
	} {
		before := len(s.EventBridge.Events("approvals"))
		out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			EventBusName: &c.bus,
			Source:       &c.source,
			DetailType:   &c.detailType,
			Detail:       &c.detail,
			Time:         aws.Time(time.Now()),
		}}})
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case out.FailedEntryCount > 0:
			got = aws.ToString(out.Entries[0].ErrorCode)
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
		if n := len(s.EventBridge.Events("approvals")) - before; n != c.kept {
			t.Errorf("%s: %d events on the bus", c.name, n)
		}
	}
	eleven := &eventbridge.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, 11)}
	if _, err := client.PutEvents(t.Context(), eleven); err == nil {
		t.Error("11 events in a call")
	}
}
