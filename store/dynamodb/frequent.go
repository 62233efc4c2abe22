package dynamodb

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/awsjson"
)

// frequentCalls implements API. Package awsjson makes the calls of an approval and of an idle worker. The SDK makes all
// others.
type frequentCalls struct {
	API
	put, get, remove, query *awsjson.Operation

	observe func(Call) // may be nil
}

// options change the options of a call of the SDK.
type options = func(*dynamodb.Options)

// newFrequentCalls returns the calls on the table of a Config. The argument sdk makes the calls of the SDK, and client sends
// the requests.
func newFrequentCalls(sdk API, client dynamodb.HTTPClient, c Config) (API, error) {
	f := frequentCalls{API: sdk, observe: c.ObserveCall}
	key := itemKey("-", "-")
	clock := &awsjson.Clock{}
	for _, operation := range []struct {
		to   **awsjson.Operation
		name string
		call func(context.Context, options) error
	}{
		{&f.put, "PutItem", func(ctx context.Context, with options) error {
			_, err := sdk.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.Table, Item: key}, with)
			return err
		}},
		{&f.get, "GetItem", func(ctx context.Context, with options) error {
			_, err := sdk.GetItem(ctx, &dynamodb.GetItemInput{TableName: &c.Table, Key: key}, with)
			return err
		}},
		{&f.remove, "DeleteItem", func(ctx context.Context, with options) error {
			_, err := sdk.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.Table, Key: key}, with)
			return err
		}},
		{&f.query, "Query", func(ctx context.Context, with options) error {
			_, err := sdk.Query(ctx, &dynamodb.QueryInput{TableName: &c.Table}, with)
			return err
		}},
	} {
		var err error
		*operation.to, err = awsjson.NewOperation(awsjson.Config{
			AWS:        c.AWS,
			HTTPClient: client,
			ServiceID:  dynamodb.ServiceID,
			Name:       operation.name,
			Clock:      clock,
			Call: func(ctx context.Context, with awsjson.Options) error {
				return operation.call(ctx, func(o *dynamodb.Options) {
					o.HTTPClient = with.HTTPClient
					o.Credentials = with.Credentials
					o.Retryer = aws.NopRetryer{}
					o.APIOptions = nil
				})
			},
		})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// do makes a call. The function decode reads the answer, and returns the units that the call has used.
func (f frequentCalls) do(
	ctx context.Context, operation *awsjson.Operation, body []byte, decode func(answer []byte) (Call, error),
) error {
	var used Call
	err := operation.Do(ctx, awsjson.Call{
		Body: body,
		Read: func(answer []byte) (err error) {
			used, err = decode(answer)
			return err
		},
	})
	if f.observe != nil {
		_, used.IsConflict = errors.AsType[*types.ConditionalCheckFailedException](err)
		f.observe(used)
	}
	return err
}

// PutItem implements API. It asks for the units if there is an observer, as the other methods do.
func (f frequentCalls) PutItem(
	ctx context.Context, in *dynamodb.PutItemInput, _ ...options,
) (*dynamodb.PutItemOutput, error) {
	err := f.do(ctx, f.put, encodePut(in, f.observe != nil), decodeWritten)
	return &dynamodb.PutItemOutput{}, err
}

// DeleteItem implements API.
func (f frequentCalls) DeleteItem(
	ctx context.Context, in *dynamodb.DeleteItemInput, _ ...options,
) (*dynamodb.DeleteItemOutput, error) {
	err := f.do(ctx, f.remove, encodeDelete(in, f.observe != nil), decodeWritten)
	return &dynamodb.DeleteItemOutput{}, err
}

// GetItem implements API.
func (f frequentCalls) GetItem(
	ctx context.Context, in *dynamodb.GetItemInput, _ ...options,
) (out *dynamodb.GetItemOutput, err error) {
	err = f.do(ctx, f.get, encodeGet(in, f.observe != nil), func(answer []byte) (used Call, err error) {
		out, used, err = decodeGet(answer)
		return used, err
	})
	return out, err
}

// Query implements API.
func (f frequentCalls) Query(
	ctx context.Context, in *dynamodb.QueryInput, _ ...options,
) (out *dynamodb.QueryOutput, err error) {
	err = f.do(ctx, f.query, encodeQuery(in, f.observe != nil), func(answer []byte) (used Call, err error) {
		out, used, err = decodeQuery(answer)
		return used, err
	})
	return out, err
}
