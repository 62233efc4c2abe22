package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/store"
)

// controlPrefix begins the names of the attributes of the controls; the name of the workflow follows. All controls are in
// an item that belongs to no order, so that a worker reads them with a single call.
const controlPrefix = "control:"

// Controls implements store.ControlKeeper.
func (s *Store) Controls(ctx context.Context) ([]store.Control, error) {
	got, err := s.getItem(ctx, itemKey("meta", "controls"))
	if err != nil {
		return nil, fmt.Errorf("read the controls: %w", err)
	}
	var controls []store.Control
	for name := range got {
		if !strings.HasPrefix(name, controlPrefix) {
			continue
		}
		var c store.Control
		if err := json.Unmarshal([]byte(getString(got, name)), &c); err != nil {
			return nil, fmt.Errorf("read the controls: %w", err)
		}
		controls = append(controls, c)
	}
	slices.SortFunc(controls, func(a, b store.Control) int { return strings.Compare(a.Workflow, b.Workflow) })
	return controls, nil
}

// SetControl implements store.ControlKeeper. Operators who set controls of different workflows at the same time do not
// undo each other.
func (s *Store) SetControl(ctx context.Context, c store.Control) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("store the control: %w", err)
	}
	_, err = s.updateControl(ctx, c.Workflow, "SET #control = :control", item{":control": stringAttr(string(text))})
	if err != nil {
		return fmt.Errorf("store the control: %w", err)
	}
	return nil
}

// RemoveControl implements store.ControlKeeper.
func (s *Store) RemoveControl(ctx context.Context, workflow string) (bool, error) {
	before, err := s.updateControl(ctx, workflow, "REMOVE #control", nil)
	if err != nil {
		return false, fmt.Errorf("remove the control: %w", err)
	}
	_, was := before[controlPrefix+workflow]
	return was, nil
}

// updateControl changes the attribute of a control and returns the item before the change. It fails if the table was moved.
func (s *Store) updateControl(ctx context.Context, workflow, update string, values item) (item, error) {
	var before item
	values = maps.Clone(values)
	if values == nil {
		values = item{}
	}
	values[":moved"] = stringAttr(movedText)
	names := map[string]string{"#control": controlPrefix + workflow, "#all": controlPrefix}
	err := s.withRetries(ctx, func(ctx context.Context) error {
		out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "controls"),
			UpdateExpression:          &update,
			ConditionExpression:       aws.String("NOT contains(#all, :moved)"),
			ExpressionAttributeNames:  names,
			ExpressionAttributeValues: values,
			ReturnValues:              types.ReturnValueAllOld,
		})
		if err == nil && before == nil {
			before = out.Attributes
		}
		return asConflict(err)
	})
	if _, isMoved := errors.AsType[*conflictError](err); isMoved {
		err = store.ErrMoved
	}
	return before, err
}

// movedText is part of the text of a control with the mode store.ControlMoved only: JSON escapes the quotes of
// a reason.
const movedText = `"mode":"moved"`

// replaceControl replaces the control of all workflows by another, if it is still as given.
func (s *Store) replaceControl(ctx context.Context, from, to store.Control) error {
	before, err := json.Marshal(from)
	if err != nil {
		return err
	}
	after, err := json.Marshal(to)
	if err != nil {
		return err
	}
	err = s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                &s.config.Table,
			Key:                      itemKey("meta", "controls"),
			UpdateExpression:         aws.String("SET #all = :after"),
			ConditionExpression:      aws.String("#all = :before OR contains(#all, :moved)"),
			ExpressionAttributeNames: map[string]string{"#all": controlPrefix},
			ExpressionAttributeValues: item{
				":before": stringAttr(string(before)),
				":after":  stringAttr(string(after)),
				":moved":  stringAttr(movedText),
			},
		})
		return asConflict(err)
	})
	if _, isChanged := errors.AsType[*conflictError](err); isChanged {
		return store.ErrNotReadOnly
	}
	return err
}
