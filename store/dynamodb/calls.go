package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	batchGetItem func(
		context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.BatchGetItemOutput, error)
	createTable func(
		context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options),
	) (*dynamodb.CreateTableOutput, error)
	deleteItem func(
		context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.DeleteItemOutput, error)
	describeTable func(
		context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options),
	) (*dynamodb.DescribeTableOutput, error)
	getItem func(
		context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.GetItemOutput, error)
	putItem func(
		context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.PutItemOutput, error)
	query func(
		context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options),
	) (*dynamodb.QueryOutput, error)
	scan func(
		context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options),
	) (*dynamodb.ScanOutput, error)
	transactWriteItems func(
		context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options),
	) (*dynamodb.TransactWriteItemsOutput, error)
	updateItem func(
		context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.UpdateItemOutput, error)
}

func newCalls(client *dynamodb.Client) API {
	return calls{
		batchGetItem:       client.BatchGetItem,
		createTable:        client.CreateTable,
		deleteItem:         client.DeleteItem,
		describeTable:      client.DescribeTable,
		getItem:            client.GetItem,
		putItem:            client.PutItem,
		query:              client.Query,
		scan:               client.Scan,
		transactWriteItems: client.TransactWriteItems,
		updateItem:         client.UpdateItem,
	}
}

func (c calls) BatchGetItem(
	ctx context.Context, in *dynamodb.BatchGetItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.BatchGetItemOutput, error) {
	return c.batchGetItem(ctx, in, options...)
}

func (c calls) CreateTable(
	ctx context.Context, in *dynamodb.CreateTableInput, options ...func(*dynamodb.Options),
) (*dynamodb.CreateTableOutput, error) {
	return c.createTable(ctx, in, options...)
}

func (c calls) DeleteItem(
	ctx context.Context, in *dynamodb.DeleteItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.DeleteItemOutput, error) {
	return c.deleteItem(ctx, in, options...)
}

func (c calls) DescribeTable(
	ctx context.Context, in *dynamodb.DescribeTableInput, options ...func(*dynamodb.Options),
) (*dynamodb.DescribeTableOutput, error) {
	return c.describeTable(ctx, in, options...)
}

func (c calls) GetItem(
	ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	return c.getItem(ctx, in, options...)
}

func (c calls) PutItem(
	ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	return c.putItem(ctx, in, options...)
}

func (c calls) Query(
	ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options),
) (*dynamodb.QueryOutput, error) {
	return c.query(ctx, in, options...)
}

func (c calls) Scan(
	ctx context.Context, in *dynamodb.ScanInput, options ...func(*dynamodb.Options),
) (*dynamodb.ScanOutput, error) {
	return c.scan(ctx, in, options...)
}

func (c calls) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	return c.transactWriteItems(ctx, in, options...)
}

func (c calls) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	return c.updateItem(ctx, in, options...)
}
