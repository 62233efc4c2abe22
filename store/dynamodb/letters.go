package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// sealedLetter is the part of a dead letter that may hold secrets.
type sealedLetter struct {
	Body     []byte            `json:"body"`
	Metadata map[string]string `json:"metadata"`
}

const (
	// letterSeal is the associated data of sealed dead letters.
	letterSeal = "dead letter"
	// partSize is how much of a sealed letter one item holds.
	partSize = 350 << 10
	// maxParts is what one transaction takes, 4 MB.
	maxParts = 10
)

// PutDeadLetter implements store.DeadLetters.
func (s *Store) PutDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	id, err := s.putLetter(ctx, d)
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	return id, nil
}

func (s *Store) putLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	plain, err := json.Marshal(sealedLetter{d.Body, d.Metadata})
	if err != nil {
		return "", err
	}
	if plain, err = pack(plain); err != nil {
		return "", err
	}
	sealed, err := s.config.Sealer.Seal(plain, letterSeal)
	if err != nil {
		return "", err
	}
	parts := slices.Collect(slices.Chunk(sealed, partSize))
	if len(parts) > maxParts {
		return "", fmt.Errorf("it has %d KB, and %d fit", len(sealed)>>10, maxParts*partSize>>10)
	}
	began := time.Now()
	id, err := s.nextLetter(ctx)
	if err != nil {
		return "", err
	}
	head := key("letters", id)
	head["source"], head["reason"], head["at"] = text(d.Source), text(d.Reason), number(nanos(d.At))
	head["reason_code"] = text(string(d.ReasonCode.OrUnknown()))
	head["redrives"], head["parts"], head["sealed"] = number(int64(d.Redrives)), number(int64(len(parts))), blob(parts[0])
	items := []types.TransactWriteItem{{Put: &types.Put{
		TableName: &s.config.Table, Item: head, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}}}
	for i, part := range parts[1:] {
		k := partKey(id, i+1)
		k["sealed"] = blob(part)
		items = append(items, types.TransactWriteItem{Put: &types.Put{TableName: &s.config.Table, Item: k}})
	}
	err = s.call(ctx, func(ctx context.Context) error {
		return s.transaction(ctx, append(slices.Clip(items), s.counting(map[string]int64{"letters": 1})...))
	})
	if _, there := errors.AsType[*lostError](err); there { // the number is ours alone, the answer was lost
		err = nil
	}
	s.observed(began, err)
	return id, err
}

func partKey(id string, part int) item { return key("letter#"+id, fmt.Sprintf("%02d", part)) }

// nextLetter gives a number that nobody else gets.
func (s *Store) nextLetter(ctx context.Context) (id string, err error) {
	err = s.call(ctx, func(ctx context.Context) error {
		out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.config.Table, Key: key("meta", "letters"), UpdateExpression: aws.String("ADD last_letter :one"),
			ExpressionAttributeValues: item{":one": number(1)}, ReturnValues: types.ReturnValueUpdatedNew,
		})
		if err == nil {
			id = store.FormatDeadLetterID(integer(out.Attributes, "last_letter"))
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
	heads, err := s.query(ctx, "letters", after, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	var out []store.DeadLetter
	var unreadable []error
	for _, head := range heads {
		d, err := s.letter(ctx, head)
		if err != nil {
			unreadable = append(unreadable, fmt.Errorf("read dead letter %s: %w", str(head, "sk"), err))
			continue
		}
		out = append(out, d)
	}
	return out, errors.Join(unreadable...)
}

// query returns items of a partition after a sort key.
func (s *Store) query(ctx context.Context, pk, after string, limit int) (out []item, err error) {
	var from item
	for limit > len(out) {
		err := s.call(ctx, func(ctx context.Context) error {
			page, err := s.client.Query(ctx, &dynamodb.QueryInput{
				TableName: &s.config.Table, KeyConditionExpression: aws.String("pk = :pk AND sk > :after"), ConsistentRead: aws.Bool(true),
				ExpressionAttributeValues: item{":pk": text(pk), ":after": text(after)}, ExclusiveStartKey: from,
				Limit: aws.Int32(int32(min(limit-len(out), 1000))),
			})
			if err == nil {
				out, from = append(out, page.Items...), page.LastEvaluatedKey
			}
			return err
		})
		if err != nil || len(from) == 0 {
			return out, err
		}
	}
	return out, nil
}

func (s *Store) letter(ctx context.Context, head item) (store.DeadLetter, error) {
	d := store.DeadLetter{
		ID:         str(head, "sk"),
		Source:     str(head, "source"),
		ReasonCode: approval.ReasonCode(str(head, "reason_code")).OrUnknown(),
		Reason:     str(head, "reason"),
		At:         unix(integer(head, "at")),
		Redrives:   int(integer(head, "redrives")),
	}
	sealed := bytes.Clone(bin(head, "sealed"))
	if parts := integer(head, "parts"); parts > 1 {
		more, err := s.query(ctx, "letter#"+d.ID, "0", maxParts)
		if err != nil {
			return d, err
		}
		if len(more) != int(parts)-1 {
			return d, errors.New("parts of it are missing: " + strconv.Itoa(int(parts)-1-len(more)))
		}
		for _, m := range more {
			sealed = append(sealed, bin(m, "sealed")...)
		}
	}
	plain, err := s.config.Sealer.Open(sealed, letterSeal)
	if err != nil {
		return d, err
	}
	if plain, err = unpack(plain); err != nil {
		return d, err
	}
	var l sealedLetter
	if err := json.Unmarshal(plain, &l); err != nil {
		return d, err
	}
	d.Body, d.Metadata = l.Body, l.Metadata
	return d, nil
}

// TakeDeadLetter implements store.DeadLetters. Where the answer of an attempt was
// lost and the letter is gone, it was taken by us: an error would lose it.
func (s *Store) TakeDeadLetter(ctx context.Context, id string) error {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return err
	}
	head, err := s.get(ctx, key("letters", store.FormatDeadLetterID(n)))
	if err != nil {
		return fmt.Errorf("take dead letter %s: %w", id, err)
	}
	gone := fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	if head == nil {
		return gone
	}
	items := []types.TransactWriteItem{{Delete: &types.Delete{
		TableName: &s.config.Table, Key: key("letters", store.FormatDeadLetterID(n)), ConditionExpression: aws.String("attribute_exists(pk)"),
	}}}
	for part := 1; part < int(integer(head, "parts")); part++ {
		items = append(items, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.config.Table, Key: partKey(store.FormatDeadLetterID(n), part)}})
	}
	unsure, began := false, time.Now()
	err = s.call(ctx, func(ctx context.Context) error {
		err := s.transaction(ctx, append(slices.Clip(items), s.counting(map[string]int64{"letters": -1})...))
		if _, missing := errors.AsType[*lostError](err); missing && !unsure {
			return &local{gone}
		} else if missing {
			return nil
		}
		unsure = unsure || mayHaveBeenApplied(err)
		return err
	})
	if errors.Is(err, approval.ErrNotFound) {
		return gone
	}
	s.observed(began, err)
	if err != nil {
		return fmt.Errorf("take dead letter %s: %w", id, err)
	}
	return nil
}
