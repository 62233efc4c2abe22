package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// How a call is tried. DynamoDB answers within milliseconds, or it does not; all
// attempts together end within the 30 s that a message has. They are many because
// those that count something meet others at the same count, and give way.
const (
	attempts       = 16
	patience       = 25 * time.Second // no further attempt after that
	attemptTimeout = 3 * time.Second
	waitBase       = 10 * time.Millisecond
	waitCap        = time.Second
)

// call makes attempts until one ends in a way that another would not change. What f
// does can be done again: it is a read, or has a condition by which it knows itself.
func (s *Store) call(ctx context.Context, f func(context.Context) error) error {
	for began, try := time.Now(), 1; ; try++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		err := f(attempt)
		cancel()
		switch {
		case err == nil || final(err):
			return told(err)
		case ctx.Err() != nil:
			return ctx.Err()
		case try == attempts, time.Since(began) > patience:
			return fmt.Errorf("%d attempts: %w", try, told(err))
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits before the next try: exponential with full jitter.
func pause(ctx context.Context, try int) error {
	wait := time.NewTimer(time.Duration(rand.Int64N(int64(min(waitCap, waitBase<<min(try, 10)))))) //nolint:gosec // it keeps no secret
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// passing are error codes of what may be gone at the next attempt.
func passing() []string {
	return []string{
		"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "ThrottlingException", "ThrottlingError", "RequestLimitExceeded",
		"LimitExceededException", "TransactionConflictException", "TransactionConflict", "TransactionInProgressException", "InternalServerError",
		"ServiceUnavailable", "InternalFailure", "RequestTimeout", "ReplicatedWriteConflictException",
	}
}

// final says of an error that another attempt would end the same.
func final(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return !slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
			return slices.Contains(passing(), aws.ToString(r.Code))
		})
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		_, broken := errors.AsType[*local](err)
		return broken
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() >= 500 {
		return false
	}
	return !slices.Contains(passing(), api.ErrorCode())
}

// local is an error of our own within a call.
type local struct{ error }

func (e *local) Unwrap() error { return e.error }

// told is what may be told of an error: the text of DynamoDB's may quote what was
// sent. The error itself stays within.
func told(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	e := &apiError{code: api.ErrorCode(), cause: err}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.request = response.RequestID
	}
	if e.code == "AccessDeniedException" { // it names the action that a policy lacks
		e.code += ": " + api.ErrorMessage()
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range cancelled.CancellationReasons {
			if code := aws.ToString(r.Code); code != "" && code != "None" {
				e.code += " " + code
			}
		}
	}
	return e
}

type apiError struct {
	code, request string
	cause         error
}

// Error names the error code and the request.
func (e *apiError) Error() string { return fmt.Sprintf("DynamoDB: %s (request %s)", e.code, e.request) }

// Unwrap returns the SDK's error, for its type.
func (e *apiError) Unwrap() error { return e.cause }

// get reads an item as it is now, or nil.
func (s *Store) get(ctx context.Context, k item) (item, error) {
	var got item
	err := s.call(ctx, func(ctx context.Context) error {
		out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.config.Table, Key: k, ConsistentRead: aws.Bool(true)})
		if err == nil {
			got = out.Item
		}
		return err
	})
	return got, err
}

// mayHaveBeenApplied says of a failed write that DynamoDB may have done it: it did
// not answer that it has not.
func mayHaveBeenApplied(err error) bool {
	if err == nil {
		return false
	}
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return !ok || response.HTTPStatusCode() < 400 || response.HTTPStatusCode() >= 500
}
