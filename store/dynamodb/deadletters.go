package dynamodb

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// sealedContent is the part of a dead letter that may contain secrets.
type sealedContent struct {
	Body     []byte            `json:"body"`
	Metadata map[string]string `json:"metadata"`
}

const (
	// sealPurpose is the associated data of the sealed part of dead letters.
	sealPurpose = "dead letter"
	// partSize is the largest size of the sealed part in an item, in bytes. A larger dead letter has several such items.
	partSize = 350 << 10
	// maxParts is the largest number of parts of a dead letter.
	maxParts = 10
)

// PutDeadLetter implements store.DeadLetters.
func (s *Store) PutDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	id, err := s.storeDeadLetter(ctx, d)
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	return id, nil
}

func (s *Store) storeDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	plain, err := json.Marshal(sealedContent{d.Body, d.Metadata})
	if err != nil {
		return "", err
	}
	if plain, err = compress(plain, flate.BestSpeed); err != nil {
		return "", err
	}
	sealed, err := s.config.Sealer.Seal(plain, sealPurpose)
	if err != nil {
		return "", err
	}
	parts := slices.Collect(slices.Chunk(sealed, partSize))
	if len(parts) > maxParts {
		return "", fmt.Errorf("it has %d KB, the limit is %d", len(sealed)>>10, maxParts*partSize>>10)
	}
	startedAt := time.Now()
	id, err := s.nextDeadLetterID(ctx)
	if err != nil {
		return "", err
	}
	head := itemKey("letters", id)
	head["source"] = stringAttr(d.Source)
	head["reason_code"] = stringAttr(string(d.ReasonCode.OrUnknown()))
	head["reason"] = stringAttr(d.Reason)
	head["at"] = numberAttr(toNanos(d.At))
	head["redrives"] = numberAttr(int64(d.Redrives))
	// Part 0 is in the head, and is empty: a list of dead letters reads and pays for the heads only. Older versions stored
	// content in it.
	head["parts"] = numberAttr(int64(len(parts) + 1))
	// The head is put last: without it, the parts belong to no dead letter, and a check of the store deletes them.
	for i, part := range parts {
		k := partKey(id, i+1)
		k["sealed"] = bytesAttr(part)
		if err := s.putItem(ctx, k); err != nil {
			return "", err
		}
	}
	err = s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:           &s.config.Table,
			Item:                head,
			ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		return asConflict(err)
	})
	// The ID belongs to this dead letter only: it exists if the answer of an earlier attempt was lost.
	if _, exists := errors.AsType[*conflictError](err); exists {
		err = nil
	}
	if err == nil {
		s.tally.add(counts{"letters": 1})
	}
	s.observeCommit(startedAt, err)
	return id, err
}

// letterPrefix is the prefix of the partitions with the parts of a dead letter. Its ID follows.
const letterPrefix = "letter#"

func partKey(id string, part int) item { return itemKey(letterPrefix+id, fmt.Sprintf("%02d", part)) }

// nextDeadLetterID returns a new ID.
func (s *Store) nextDeadLetterID(ctx context.Context) (id string, err error) {
	err = s.withRetries(ctx, func(ctx context.Context) error {
		out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "letters"),
			UpdateExpression:          aws.String("ADD last_letter :one"),
			ExpressionAttributeValues: item{":one": numberAttr(1)},
			ReturnValues:              types.ReturnValueUpdatedNew,
		})
		if err == nil {
			id = store.FormatDeadLetterID(getNumber(out.Attributes, "last_letter"))
		}
		return err
	})
	return id, err
}

// ListDeadLetters implements store.DeadLetters.
func (s *Store) ListDeadLetters(ctx context.Context, after string, limit int) ([]store.DeadLetter, error) {
	if after != "" {
		n, err := store.ParseDeadLetterID(after)
		if err != nil {
			return nil, err
		}
		after = store.FormatDeadLetterID(n)
	}
	if after == "" {
		after = store.FormatDeadLetterID(0)
	}
	heads, err := s.queryPartition(ctx, "letters", after, limit, aws.String(headAttributes))
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	var out []store.DeadLetter
	for _, head := range heads {
		out = append(out, headOf(head))
	}
	return out, nil
}

// headAttributes are the attributes of a head without the sealed part that older versions stored in it. The prefix #
// is needed for words that DynamoDB reserves.
const headAttributes = "sk, #source, reason_code, reason, #at, redrives"

// headOf returns the dead letter with this head, without its body.
func headOf(head item) store.DeadLetter {
	return store.DeadLetter{
		ID:         getString(head, "sk"),
		Source:     getString(head, "source"),
		ReasonCode: approval.ReasonCode(getString(head, "reason_code")).OrUnknown(),
		Reason:     getString(head, "reason"),
		At:         fromNanos(getNumber(head, "at")),
		Redrives:   int(getNumber(head, "redrives")),
	}
}

// GetDeadLetter implements store.DeadLetters.
func (s *Store) GetDeadLetter(ctx context.Context, id string) (store.DeadLetter, error) {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return store.DeadLetter{}, err
	}
	head, err := s.getItem(ctx, itemKey("letters", store.FormatDeadLetterID(n)))
	if err == nil && head == nil {
		return store.DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	}
	var d store.DeadLetter
	if err == nil {
		d, err = s.readDeadLetter(ctx, head)
	}
	if err != nil {
		return d, fmt.Errorf("read dead letter %s: %w", id, err)
	}
	return d, nil
}

// queryPartition returns the items of a partition that come after a sort key, with all attributes if the projection is
// nil.
func (s *Store) queryPartition(
	ctx context.Context, pk, after string, limit int, projection *string,
) (out []item, err error) {
	var names map[string]string
	if projection != nil {
		names = map[string]string{"#source": "source", "#at": "at"}
	}
	var from item
	for limit > len(out) {
		err := s.withRetries(ctx, func(ctx context.Context) error {
			page, err := s.client.Query(ctx, &dynamodb.QueryInput{
				TableName:                 &s.config.Table,
				KeyConditionExpression:    aws.String("pk = :pk AND sk > :after"),
				ConsistentRead:            aws.Bool(true),
				ExpressionAttributeValues: item{":pk": stringAttr(pk), ":after": stringAttr(after)},
				ProjectionExpression:      projection,
				ExpressionAttributeNames:  names,
				ExclusiveStartKey:         from,
				Limit:                     aws.Int32(int32(min(limit-len(out), 1000))),
			})
			if err == nil {
				out = append(out, page.Items...)
				from = page.LastEvaluatedKey
			}
			return err
		})
		if err != nil || len(from) == 0 {
			return out, err
		}
	}
	return out, nil
}

// readDeadLetter returns the dead letter with this head, which is its first item.
func (s *Store) readDeadLetter(ctx context.Context, head item) (store.DeadLetter, error) {
	d := headOf(head)
	sealed := bytes.Clone(getBytes(head, "sealed"))
	if parts := getNumber(head, "parts"); parts > 1 {
		more, err := s.queryPartition(ctx, letterPrefix+d.ID, "0", maxParts, nil)
		if err != nil {
			return d, err
		}
		if len(more) != int(parts)-1 {
			return d, fmt.Errorf("%d of its parts are missing", int(parts)-1-len(more))
		}
		for _, m := range more {
			sealed = append(sealed, getBytes(m, "sealed")...)
		}
	}
	plain, err := s.config.Sealer.Open(sealed, sealPurpose)
	if err != nil {
		return d, err
	}
	if plain, err = decompress(plain); err != nil {
		return d, err
	}
	var l sealedContent
	if err := json.Unmarshal(plain, &l); err != nil {
		return d, err
	}
	d.Body, d.Metadata = l.Body, l.Metadata
	return d, nil
}

// MarkDeadLetter implements store.DeadLetters.
func (s *Store) MarkDeadLetter(ctx context.Context, d store.DeadLetter) error {
	n, err := store.ParseDeadLetterID(d.ID)
	if err != nil {
		return err
	}
	startedAt := time.Now()
	err = s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:           &s.config.Table,
			Key:                 itemKey("letters", store.FormatDeadLetterID(n)),
			UpdateExpression:    aws.String("SET reason_code = :code, reason = :reason, redrives = :redrives"),
			ConditionExpression: aws.String("attribute_exists(pk)"),
			ExpressionAttributeValues: item{
				":code":     stringAttr(string(d.ReasonCode.OrUnknown())),
				":reason":   stringAttr(d.Reason),
				":redrives": numberAttr(int64(d.Redrives)),
			},
		})
		return asConflict(err)
	})
	if _, missing := errors.AsType[*conflictError](err); missing {
		return fmt.Errorf("dead letter %s: %w", d.ID, approval.ErrNotFound)
	}
	s.observeCommit(startedAt, err)
	if err != nil {
		return fmt.Errorf("mark dead letter %s: %w", d.ID, err)
	}
	return nil
}

// DeleteDeadLetter implements store.DeadLetters. If the answer of an attempt was lost and the dead letter is gone, that
// attempt took it: an error would lose the message.
func (s *Store) DeleteDeadLetter(ctx context.Context, id string) error {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return err
	}
	head, err := s.getItem(ctx, itemKey("letters", store.FormatDeadLetterID(n)))
	if err != nil {
		return fmt.Errorf("delete dead letter %s: %w", id, err)
	}
	gone := fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	if head == nil {
		return gone
	}
	maybeTaken := false
	startedAt := time.Now()
	err = s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName:           &s.config.Table,
			Key:                 itemKey("letters", store.FormatDeadLetterID(n)),
			ConditionExpression: aws.String("attribute_exists(pk)"),
		})
		err = asConflict(err)
		if _, missing := errors.AsType[*conflictError](err); missing && !maybeTaken {
			return &localError{gone}
		} else if missing {
			return nil
		}
		maybeTaken = maybeTaken || mayHaveBeenApplied(err)
		return err
	})
	if errors.Is(err, approval.ErrNotFound) {
		return gone
	}
	s.observeCommit(startedAt, err)
	if err != nil {
		return fmt.Errorf("delete dead letter %s: %w", id, err)
	}
	s.tally.add(counts{"letters": -1})
	var parts []item
	for part := 1; part < int(getNumber(head, "parts")); part++ {
		parts = append(parts, partKey(store.FormatDeadLetterID(n), part))
	}
	s.deleteAll(ctx, parts)
	return nil
}
