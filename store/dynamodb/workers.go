package dynamodb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/store"
)

// workerPrefix begins the names of the attributes of workers; the ID of the worker follows. All workers are in an item
// that belongs to no order, so that a worker writes its state and gets the states of the others with a single small
// write.
const workerPrefix = "worker:"

// KeepWorker implements store.WorkerRegister.
func (s *Store) KeepWorker(ctx context.Context, w store.Worker) ([]store.Worker, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("store the state of this worker: %w", err)
	}
	before, err := s.updateWorker(ctx, w.ID, "SET #worker = :worker", item{":worker": stringAttr(string(text))})
	if err != nil {
		return nil, fmt.Errorf("store the state of this worker: %w", err)
	}
	all := []store.Worker{w}
	for name := range before {
		id, isWorker := strings.CutPrefix(name, workerPrefix)
		if !isWorker || id == w.ID {
			continue
		}
		other := store.Worker{ID: id}
		_ = json.Unmarshal([]byte(getString(before, name)), &other) // a damaged state confirms the empty view
		other.ID = id
		all = append(all, other)
	}
	return all, nil
}

// RemoveWorker implements store.WorkerRegister.
func (s *Store) RemoveWorker(ctx context.Context, id string) error {
	if _, err := s.updateWorker(ctx, id, "REMOVE #worker", nil); err != nil {
		return fmt.Errorf("remove the state of a worker: %w", err)
	}
	return nil
}

// updateWorker changes the attribute of a worker and returns the item before the change.
func (s *Store) updateWorker(ctx context.Context, id, update string, values item) (before item, err error) {
	err = s.withRetries(ctx, func(ctx context.Context) error {
		out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "heartbeats"),
			UpdateExpression:          aws.String(update),
			ExpressionAttributeNames:  map[string]string{"#worker": workerPrefix + id},
			ExpressionAttributeValues: values,
			ReturnValues:              types.ReturnValueAllOld,
		})
		if err == nil {
			before = out.Attributes
		}
		return err
	})
	return before, err
}
