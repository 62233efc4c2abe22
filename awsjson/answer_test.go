package awsjson_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/awsjson"
	"github.com/approval-relay/approval-relay/outbound"
)

// seen is an observer that keeps what it is notified of.
type seen struct{ calls, skews []string }

func (s *seen) AWSCalled(operation, result string) { s.calls = append(s.calls, operation+" "+result) }
func (s *seen) ClockSkew(skew, _ time.Duration)    { s.skews = append(s.skews, skew.String()) }

// chain returns the texts and types of an error and of all errors in it.
func chain(err error) (all []string) {
	for ; err != nil; err = errors.Unwrap(err) {
		all = append(all, fmt.Sprintf("%T %v", err, err))
	}
	return all
}

// The error and the observed result of each answer are those of the SDK: of every form in which services name an error.
func TestErrorsAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	for i, response := range []struct {
		status int
		body   string
		header []string
	}{
		{400, `{"__type":"TaskTimedOut","message":"secret"}`, nil},
		{400, `{"__type":"com.amazonaws.swf.base.model#TaskDoesNotExist","Message":"secret"}`, nil},
		{400, `{"message":"m"}`, []string{"X-Amzn-ErrorType", "InvalidToken"}},
		{400, `{"message":"m"}`, []string{"X-Amzn-ErrorType", "InvalidOutput:http://internal.amazon.com/coral/x"}},
		{400, `{"code":"InvalidArn","message":"m"}`, nil},
		{400, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"m","Item":{"a":{"S":"b"}}}`, nil},
		{400, `{"__type":"com.amazon.coral.validate#ValidationException"}`, nil},
		{400, `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"m"}`, nil},
		{400, `{"__type":"ThrottlingException"}`, nil},
		{403, `{"__type":"AccessDeniedException","Message":"not authorized to perform"}`, nil},
		{429, ``, nil},
		{500, `{"__type":"InternalServerError"}`, nil},
		{503, `<html>no service</html>`, []string{"Content-Type", "text/html"}},
		{400, `{"__type":`, nil},
		{400, `[]`, nil},
		{302, ``, []string{"Location", "https://elsewhere.example"}},
		{404, `not here`, []string{"X-Amzn-Requestid", ""}},
		{200, `{}`, nil},
		{200, ``, nil},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				observer := &seen{}
				s := always(response.status, response.body, response.header...)
				c := config(s)
				c.APIOptions = append(c.APIOptions, outbound.ObserveCalls(observer))
				for _, op := range operations(t, c) {
					*observer = seen{}
					leanErr, sdkErr := op.do(t.Context()), op.sdk(t.Context())
					require.Equal(t, chain(sdkErr), chain(leanErr))
					require.Len(t, observer.calls, 2)
					require.Equal(t, observer.calls[1], observer.calls[0])
					require.Len(t, observer.skews, 2)
					require.Equal(t, observer.skews[1], observer.skews[0])
				}
			})
		})
	}
}

func TestErrorsAreModelled(t *testing.T) {
	t.Parallel()
	task := stepFunctions(t, config(always(400, `{"__type":"ns#TaskTimedOut","message":"m"}`)))
	_, isTimedOut := errors.AsType[*types.TaskTimedOut](task.do(t.Context()))
	require.True(t, isTimedOut)
	err := putItem(t, config(always(400, `{"__type":"ns#ConditionalCheckFailedException","Item":{"a":{"S":"b"}}}`))).do(t.Context())
	failed, is := errors.AsType[*dynamodbtypes.ConditionalCheckFailedException](err)
	require.True(t, is)
	require.Len(t, failed.Item, 1)
	response, is := errors.AsType[*awshttp.ResponseError](err)
	require.True(t, is)
	require.Equal(t, "request-1", response.RequestID)
	require.Equal(t, 400, response.HTTPStatusCode())
}

// Without an answer there is no error of the service, and the observer is told as by the SDK.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), -1)
	defer stop()
	denied := errors.New("no role")
	for name, c := range map[string]struct {
		change func(*aws.Config)
		ctx    context.Context
		is     error
	}{
		"no connection": {func(c *aws.Config) {
			c.HTTPClient = clientFunc(func(*http.Request) (*http.Response, error) { return nil, denied })
		}, t.Context(), denied},
		"no credentials": {func(c *aws.Config) {
			c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, denied
			})
		}, t.Context(), denied},
		"cancelled": {func(*aws.Config) {}, cancelled, context.Canceled},
		"late":      {func(*aws.Config) {}, late, context.DeadlineExceeded},
		"no region": {func(c *aws.Config) { c.Region = "" }, t.Context(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			observer := &seen{}
			config := config(&server{})
			config.APIOptions = append(config.APIOptions, outbound.ObserveCalls(observer))
			c.change(&config)
			for _, op := range operations(t, config) {
				*observer = seen{}
				leanErr, sdkErr := op.do(c.ctx), op.sdk(c.ctx)
				require.Error(t, sdkErr)
				if c.is != nil {
					require.ErrorIs(t, sdkErr, c.is)
					require.ErrorIs(t, leanErr, c.is)
				}
				operation, is := errors.AsType[*smithy.OperationError](leanErr)
				require.True(t, is)
				require.Equal(t, op.name, operation.Operation())
				if len(observer.calls) > 0 || c.ctx.Err() == nil {
					require.Len(t, observer.calls, 2)
					require.Equal(t, observer.calls[1], observer.calls[0])
				}
			}
		})
	}
}

// An answer that cannot be read, or is not what it says, is an error with the status and the request.
func TestUnreadableAnswer(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	cut := func(*http.Request) (*http.Response, error) {
		r := answer(http.StatusOK, "")
		r.Body = broken(`{"Attributes"`)
		return r, nil
	}
	for name, c := range map[string]struct {
		server *server
		read   error
	}{
		"cut":           {&server{answer: cut}, nil},
		"not as wanted": {always(200, `{}`), bad},
		"changed":       {always(200, `{}`, "X-Amz-Crc32", "5"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := stepFunctions(t, config(c.server)).ours.Do(t.Context(), awsjson.Call{
				Body: []byte("{}"),
				Read: func([]byte) error { return c.read },
			})
			response, is := errors.AsType[*awshttp.ResponseError](err)
			require.True(t, is, "%v", err)
			require.Equal(t, "request-1", response.RequestID)
			require.Equal(t, 200, response.HTTPStatusCode())
		})
	}
	require.NoError(t, putItem(t, config(always(200, `{}`, "X-Amz-Crc32", "2745614147"))).do(t.Context()))
}

func TestReadGetsTheAnswer(t *testing.T) {
	t.Parallel()
	var got string
	require.NoError(t, putItem(t, config(always(200, `{"Attributes":{}}`))).ours.Do(t.Context(), awsjson.Call{
		Body: []byte("{}"),
		Read: func(answer []byte) error { got = string(answer); return nil },
	}))
	require.JSONEq(t, `{"Attributes":{}}`, got)
}

// Errors are those of the SDK also where it makes no call without the account of its credentials.
func TestErrorsWhereTheEndpointNeedsTheAccount(t *testing.T) {
	t.Parallel()
	c := config(always(400, `{"__type":"ns#ConditionalCheckFailedException"}`))
	c.Credentials = static("123456789012")
	c.AccountIDEndpointMode = aws.AccountIDEndpointModeRequired
	op := putItem(t, c)
	leanErr, sdkErr := op.do(t.Context()), op.sdk(t.Context())
	require.Equal(t, chain(sdkErr), chain(leanErr))
	_, is := errors.AsType[*dynamodbtypes.ConditionalCheckFailedException](leanErr)
	require.True(t, is)
}
