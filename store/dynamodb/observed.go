package dynamodb

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// Call describes a call that DynamoDB has answered.
type Call struct {
	// Read and Written are the capacity units that it has used, with those of the indexes.
	Read, Written float64
	// IsConflict is set if another process had written the item since it was read.
	IsConflict bool
}

// observeCalls makes each call ask for the units that it uses, and calls the observer with the answer.
func observeCalls(observe func(Call)) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ObserveUnits", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			askForUnits(in.Parameters)
			out, metadata, err := next.HandleInitialize(ctx, in)
			call := callOf(out.Result)
			_, call.IsConflict = errors.AsType[*types.ConditionalCheckFailedException](err)
			observe(call)
			return out, metadata, err
		}), middleware.Before)
	}
}

// askForUnits makes a call return the units that it uses.
func askForUnits(input any) {
	const total = types.ReturnConsumedCapacityTotal
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.BatchGetItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.QueryInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.ScanInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.PutItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.DeleteItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		in.ReturnConsumedCapacity = total
	}
}

// callOf returns the units of an answer.
func callOf(result any) Call {
	switch out := result.(type) {
	case *dynamodb.GetItemOutput:
		return Call{Read: unitsUsed(out.ConsumedCapacity)}
	case *dynamodb.QueryOutput:
		return Call{Read: unitsUsed(out.ConsumedCapacity)}
	case *dynamodb.ScanOutput:
		return Call{Read: unitsUsed(out.ConsumedCapacity)}
	case *dynamodb.BatchGetItemOutput:
		return Call{Read: sumUnits(out.ConsumedCapacity)}
	case *dynamodb.PutItemOutput:
		return Call{Written: unitsUsed(out.ConsumedCapacity)}
	case *dynamodb.UpdateItemOutput:
		return Call{Written: unitsUsed(out.ConsumedCapacity)}
	case *dynamodb.DeleteItemOutput:
		return Call{Written: unitsUsed(out.ConsumedCapacity)}
	case *dynamodb.TransactWriteItemsOutput:
		return Call{Written: sumUnits(out.ConsumedCapacity)}
	}
	return Call{}
}

func unitsUsed(c *types.ConsumedCapacity) float64 {
	if c == nil || c.CapacityUnits == nil {
		return 0
	}
	return *c.CapacityUnits
}

func sumUnits(all []types.ConsumedCapacity) (sum float64) {
	for i := range all {
		sum += unitsUsed(&all[i])
	}
	return sum
}
