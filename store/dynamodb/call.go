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

// The limits of a call. DynamoDB answers within milliseconds, or not at all. All attempts together end within the 30 s
// that the handling of a message may take. They are many, because transactions that add to the same count conflict.
const (
	maxAttempts    = 16
	maxRetryTime   = 25 * time.Second // the last attempt begins before
	attemptTimeout = 3 * time.Second
	waitBase       = 10 * time.Millisecond
	waitCap        = time.Second
)

// withRetries calls f until it succeeds or fails for good. It must be safe to repeat f: it is a read, or a write with a
// condition by which f recognises its own earlier attempt.
func (s *Store) withRetries(ctx context.Context, f func(context.Context) error) error {
	startedAt := time.Now()
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		attemptCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
		err := f(attemptCtx)
		cancel()
		switch {
		case err == nil || isFinal(err):
			return withoutContent(err)
		case ctx.Err() != nil:
			return ctx.Err()
		case attempt == maxAttempts, time.Since(startedAt) > maxRetryTime:
			return fmt.Errorf("%d attempts: %w", attempt, withoutContent(err))
		}
		if err := waitBeforeRetry(ctx, attempt); err != nil {
			return err
		}
	}
}

// waitBeforeRetry waits before the next attempt. The wait is exponential with full jitter: at most 20 ms after the
// first attempt, 40 ms after the second, and so on up to a second.
func waitBeforeRetry(ctx context.Context, attempt int) error {
	longest := min(waitCap, waitBase<<min(attempt, 10))
	wait := time.NewTimer(time.Duration(rand.Int64N(int64(longest)))) //nolint:gosec // jitter is not a secret
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// temporaryCodes returns the error codes after which a retry may succeed.
func temporaryCodes() []string {
	return []string{
		"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "ThrottlingException", "ThrottlingError",
		"RequestLimitExceeded", "LimitExceededException", "TransactionConflictException", "TransactionConflict",
		"TransactionInProgressException", "InternalServerError", "ServiceUnavailable", "InternalFailure", "RequestTimeout",
		"ReplicatedWriteConflictException",
	}
}

// isFinal reports whether a retry would fail with the same error.
func isFinal(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return !slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
			return slices.Contains(temporaryCodes(), aws.ToString(r.Code))
		})
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		_, isLocal := errors.AsType[*localError](err)
		return isLocal
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() >= 500 {
		return false
	}
	return !slices.Contains(temporaryCodes(), api.ErrorCode())
}

// localError is an error that this package returns from within a call. It is final.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// withoutContent returns an error without the text of DynamoDB's error, which may quote the request. The original error
// stays in the chain, for its type.
func withoutContent(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	e := &apiError{code: api.ErrorCode(), cause: err}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.request = response.RequestID
	}
	if e.code == "AccessDeniedException" { // its text names the action that the policy does not allow
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

// Unwrap returns the error of the SDK, for its type.
func (e *apiError) Unwrap() error { return e.cause }

// getItem reads the current state of an item. It returns nil if the item does not exist.
func (s *Store) getItem(ctx context.Context, k item) (item, error) { return s.readItem(ctx, k, true) }

// readItem reads an item. Unless the read is strong, it may return an earlier state, for half the price.
func (s *Store) readItem(ctx context.Context, k item, isStrong bool) (item, error) {
	var got item
	err := s.withRetries(ctx, func(ctx context.Context) error {
		out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName:      &s.config.Table,
			Key:            k,
			ConsistentRead: aws.Bool(isStrong),
		})
		if err == nil {
			got = out.Item
		}
		return err
	})
	return got, err
}

// mayHaveBeenApplied reports whether DynamoDB may have applied a failed write: it did not answer with a refusal.
func mayHaveBeenApplied(err error) bool {
	if err == nil {
		return false
	}
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return !ok || response.HTTPStatusCode() < 400 || response.HTTPStatusCode() >= 500
}
