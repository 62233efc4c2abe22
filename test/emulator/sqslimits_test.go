package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func attribute(kind, value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: &kind, StringValue: &value}
}

func TestSendLimits(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		eleven := map[string]types.MessageAttributeValue{}
		for i := range 11 {
			eleven[fmt.Sprint("a", i)] = attribute("String", "x")
		}
		ten := map[string]types.MessageAttributeValue{}
		for i := range 10 {
			ten[fmt.Sprint("a", i)] = attribute("String", "x")
		}
		named := func(name string, v types.MessageAttributeValue) map[string]types.MessageAttributeValue {
			return map[string]types.MessageAttributeValue{name: v}
		}
		for name, c := range map[string]struct {
			in        sqs.SendMessageInput
			errorCode string
		}{
			"largest":           {sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1<<20))}, ""},
			"too large":         {sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1<<20+1))}, "InvalidParameterValue"},
			"with attributes":   {sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1<<20-7)), MessageAttributes: named("a", attribute("String", "x"))}, "InvalidParameterValue"},
			"bytes not letters": {sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("ü", 1<<19+1))}, "InvalidParameterValue"},
			"empty":             {sqs.SendMessageInput{MessageBody: aws.String("")}, "MissingParameter"},
			"control character": {sqs.SendMessageInput{MessageBody: aws.String("a\x00")}, "InvalidMessageContents"},
			"in an attribute":   {sqs.SendMessageInput{MessageBody: aws.String("a"), MessageAttributes: named("a", attribute("String", "\x1b"))}, "InvalidMessageContents"},
			"no character":      {sqs.SendMessageInput{MessageBody: aws.String("a\uffff")}, "InvalidMessageContents"},
			"all else":          {sqs.SendMessageInput{MessageBody: aws.String("\t\n\r \ue000\ufffd\U0001f600")}, ""},
			"longest delay":     {sqs.SendMessageInput{MessageBody: aws.String("a"), DelaySeconds: 900}, ""},
			"too long a delay":  {sqs.SendMessageInput{MessageBody: aws.String("a"), DelaySeconds: 901}, "InvalidParameterValue"},
			"ten attributes":    {sqs.SendMessageInput{MessageBody: aws.String("a"), MessageAttributes: ten}, ""},
			"eleven":            {sqs.SendMessageInput{MessageBody: aws.String("a"), MessageAttributes: eleven}, "InvalidParameterValue"},
			"attribute empty":   {sqs.SendMessageInput{MessageBody: aws.String("a"), MessageAttributes: named("a", attribute("String", ""))}, "InvalidParameterValue"},
			"attribute type":    {sqs.SendMessageInput{MessageBody: aws.String("a"), MessageAttributes: named("a", attribute("Text", "x"))}, "InvalidParameterValue"},
			"attribute name":    {sqs.SendMessageInput{MessageBody: aws.String("a"), MessageAttributes: named("a b", attribute("String", "x"))}, "InvalidParameterValue"},
		} {
			c.in.QueueUrl = q
			before, _ := w.SQS.CountMessages("q")
			_, err := w.queues.SendMessage(w.Context(), &c.in)
			after, _ := w.SQS.CountMessages("q")
			if errorCode(err) != c.errorCode || (err == nil) != (c.errorCode == "") || (err == nil) != (after == before+1) {
				t.Errorf("%s: %.200v, %d sent", name, err, after-before)
			}
		}
	})
}

func TestReceiveLimits(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		for _, in := range []sqs.ReceiveMessageInput{{MaxNumberOfMessages: 11}, {MaxNumberOfMessages: -1}, {WaitTimeSeconds: 21}, {VisibilityTimeout: 43_201}, {VisibilityTimeout: -1}} {
			in.QueueUrl = q
			if _, err := w.queues.ReceiveMessage(w.Context(), &in); errorCode(err) != "InvalidParameterValue" {
				t.Errorf("%+v: %v", in, err)
			}
		}
		for range 12 {
			w.sendBody(q, "a")
		}
		if one := mustReturn[*sqs.ReceiveMessageOutput](t)(w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: q})).Messages; len(one) != 1 {
			t.Errorf("%d without a number", len(one))
		}
		if ten := w.receiveUpToTen(q, 0, 43_200); len(ten) != 10 {
			t.Errorf("%d of ten", len(ten))
		}
	})
}

// TestErrors shows that the SDK decodes each error to its type, with the code of the query protocol, as with SQS itself.
func TestErrors(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		ids := func(ids ...string) (out []types.SendMessageBatchRequestEntry) {
			out = []types.SendMessageBatchRequestEntry{} // the SDK itself refuses nil
			for _, id := range ids {
				out = append(out, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String("a")})
			}
			return out
		}
		batch := func(entries []types.SendMessageBatchRequestEntry) error {
			_, err := w.queues.SendMessageBatch(w.Context(), &sqs.SendMessageBatchInput{QueueUrl: q, Entries: entries})
			return err
		}
		half := strings.Repeat("x", 1<<19+1)
		long := ids("a", "b")
		long[0].MessageBody, long[1].MessageBody = &half, &half
		_, missing := w.queues.GetQueueUrl(w.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
		_, gone := w.queues.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(w.URL() + "/" + Account + "/none")})
		_, twice := w.queues.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "1"}})
		_, name := w.queues.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q.x")})
		_, purge := w.queues.PurgeQueue(w.Context(), &sqs.PurgeQueueInput{QueueUrl: q})
		for want, c := range map[string]struct {
			err     error
			decoded bool
		}{
			"AWS.SimpleQueueService.NonExistentQueue":             {missing, isError[*types.QueueDoesNotExist](missing) && isError[*types.QueueDoesNotExist](gone)},
			"QueueAlreadyExists":                                  {twice, isError[*types.QueueNameExists](twice)},
			"InvalidParameterValue":                               {name, true},
			"UnknownOperationException":                           {purge, true}, // the emulator lacks this call
			"AWS.SimpleQueueService.EmptyBatchRequest":            {batch(ids()), isError[*types.EmptyBatchRequest](batch(ids()))},
			"AWS.SimpleQueueService.TooManyEntriesInBatchRequest": {batch(ids(strings.Split("abcdefghijk", "")...)), true},
			"AWS.SimpleQueueService.BatchEntryIdsNotDistinct":     {batch(ids("a", "a")), isError[*types.BatchEntryIdsNotDistinct](batch(ids("a", "a")))},
			"AWS.SimpleQueueService.InvalidBatchEntryId":          {batch(ids("a b")), isError[*types.InvalidBatchEntryId](batch(ids("")))},
			"AWS.SimpleQueueService.BatchRequestTooLong":          {batch(long), isError[*types.BatchRequestTooLong](batch(long))},
		} {
			if errorCode(c.err) != want || !c.decoded {
				t.Errorf("%s: %#v", want, c.err)
			}
		}
		if waiting, _ := w.SQS.CountMessages("q"); waiting != 0 {
			t.Errorf("%d were sent", waiting)
		}
	})
}

// TestPartialFailures shows that failures of single entries arrive with status 200 and without an error.
func TestPartialFailures(t *testing.T) {
	inBubble(t, func(w clients) {
		q := w.makeQueue("q", nil)
		sent := mustReturn[*sqs.SendMessageBatchOutput](t)(w.queues.SendMessageBatch(w.Context(), &sqs.SendMessageBatchInput{QueueUrl: q, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("1"), MessageBody: aws.String("a")}, {Id: aws.String("2"), MessageBody: aws.String("\x00")}, {Id: aws.String("3"), MessageBody: aws.String("b")},
		}}))
		checkEntries(t, "send", joinIDs(sent.Successful, func(e types.SendMessageBatchResultEntry) *string { return e.Id }), sent.Failed, "1 3", "2 InvalidMessageContents")
		m := w.expectBodies(q, 0, 30, "a b")

		changed := mustReturn[*sqs.ChangeMessageVisibilityBatchOutput](t)(w.queues.ChangeMessageVisibilityBatch(w.Context(), &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: q, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
				{Id: aws.String("1"), ReceiptHandle: m[0].ReceiptHandle, VisibilityTimeout: 43_201}, {Id: aws.String("2"), ReceiptHandle: m[1].ReceiptHandle, VisibilityTimeout: 0},
			},
		}))
		checkEntries(t, "change", joinIDs(changed.Successful, func(e types.ChangeMessageVisibilityBatchResultEntry) *string { return e.Id }), changed.Failed, "2", "1 InvalidParameterValue")
		m = append(m[:1], w.expectBodies(q, 0, 30, "b")...)

		deleted := mustReturn[*sqs.DeleteMessageBatchOutput](t)(w.queues.DeleteMessageBatch(w.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: q, Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("1"), ReceiptHandle: m[0].ReceiptHandle}, {Id: aws.String("2"), ReceiptHandle: aws.String("none")}, {Id: aws.String("3"), ReceiptHandle: m[1].ReceiptHandle},
		}}))
		checkEntries(t, "delete", joinIDs(deleted.Successful, func(e types.DeleteMessageBatchResultEntry) *string { return e.Id }), deleted.Failed, "1 3", "2 ReceiptHandleIsInvalid")
		if waiting, deleted := w.SQS.CountMessages("q"); waiting != 0 || deleted != 2 {
			t.Errorf("%d waiting, %d deleted", waiting, deleted)
		}
	})
}

func joinIDs[E any](entries []E, id func(E) *string) string {
	var out []string
	for _, e := range entries {
		out = append(out, *id(e))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func checkEntries(t *testing.T, call, good string, failed []types.BatchResultErrorEntry, wantGood, wantBad string) {
	t.Helper()
	bad := joinIDs(failed, func(f types.BatchResultErrorEntry) *string {
		if !f.SenderFault {
			t.Errorf("%s: not the sender's fault: %s", call, *f.Message)
		}
		return aws.String(*f.Id + " " + *f.Code)
	})
	if good != wantGood || bad != wantBad {
		t.Errorf("%s: %s taken, %s refused", call, good, bad)
	}
}

// TestUnknownCallsAreRefused shows that requests that belong to no service are refused.
func TestUnknownCallsAreRefused(t *testing.T) {
	t.Parallel()
	w := onLoopback(t)
	for target, c := range map[string]struct {
		body   string
		status int
	}{
		"DynamoDB.GetItem": {"{}", 404}, "AmazonSQS.SendMessage": {"x", 400}, "AWSStepFunctions.SendTaskSuccess": {"", 400},
		"AWSStepFunctions.SendTaskFailure": {"{\"taskToken\": \"\xff\"}", 400}, "AmazonSQS.GetQueueUrl": {"{\"QueueName\": \"\xff\"}", 400},
		"": {"%", 400}, "AmazonSQS.DeleteMessage": {strings.Repeat(" ", 5<<20), 400},
	} {
		r := mustReturn[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL(), strings.NewReader(c.body)))
		r.Header.Set("X-Amz-Target", target)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			if len(c.body) < 1<<20 { // the answer to a longer body may be cut off
				t.Error(target, err)
			}
			continue
		}
		if err := errors.Join(resp.Body.Close()); err != nil || resp.StatusCode != c.status {
			t.Errorf("%s: %s", target, resp.Status)
		}
	}
}
