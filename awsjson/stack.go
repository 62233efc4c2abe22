package awsjson

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// newStack returns the stack of every call, with the middlewares of the configuration.
func (o *Operation) newStack(options []func(*middleware.Stack) error) (*middleware.Stack, error) {
	stack := middleware.NewStack(o.config.Name, func() any { return &smithyhttp.Request{} })
	errs := []error{
		stack.Initialize.Add(&awsmiddleware.RegisterServiceMetadata{
			ServiceID:     o.config.ServiceID,
			OperationName: o.config.Name,
			Region:        o.config.AWS.Region,
		}, middleware.Before),
		stack.Serialize.Add(middleware.SerializeMiddlewareFunc("OperationSerializer", o.serialize), middleware.After),
	}
	for _, option := range options {
		errs = append(errs, option(stack))
	}
	errs = append(errs, stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Signing", o.sign), middleware.After))
	return stack, errors.Join(errs...)
}

// serialize makes the request.
func (o *Operation) serialize(
	ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
	credentials, err := o.credentials(ctx)
	if err != nil {
		return out, metadata, err
	}
	t, err := o.template(ctx, credentials)
	if err != nil {
		return out, metadata, err
	}
	id, err := o.ids.GetUUID()
	if err != nil {
		return out, metadata, fmt.Errorf("make the ID of a call: %w", err)
	}
	call, isCall := in.Parameters.(*Call)
	request, isHTTP := in.Request.(*smithyhttp.Request)
	if !isCall || !isHTTP {
		return out, metadata, errUnexpectedType
	}
	request.Request = t.newRequest(ctx, call.Body, id)
	return next.HandleSerialize(middleware.WithStackValue(ctx, callKey{}, call), in)
}

// callKey is the key of the Call among the values of the stack.
type callKey struct{}

var errUnexpectedType = errors.New("a middleware of the configuration has replaced the call or its request")

// credentials returns the credentials, which the provider keeps until shortly before they expire. They are empty for calls
// that the SDK does not sign.
func (o *Operation) credentials(ctx context.Context) (aws.Credentials, error) {
	if o.config.AWS.Credentials == nil {
		return aws.Credentials{}, nil
	}
	credentials, err := o.config.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return credentials, fmt.Errorf("get identity: get credentials: %w", err)
	}
	return credentials, nil
}

// sign signs the request.
func (o *Operation) sign(
	ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
	if err := ctx.Err(); err != nil {
		return out, metadata, err
	}
	credentials, err := o.credentials(ctx)
	if err != nil {
		return out, metadata, err
	}
	request, isHTTP := in.Request.(*smithyhttp.Request)
	call, isCall := middleware.GetStackValue(ctx, callKey{}).(*Call)
	if !isHTTP || !isCall {
		return out, metadata, errUnexpectedType
	}
	if t := o.learned.Load(); t.scope != nil {
		hash := sha256.Sum256(call.Body)
		at := time.Now().Add(time.Duration(o.skew.Load()))
		if err := o.signer.SignHTTP(ctx, credentials, request.Request, hex.EncodeToString(hash[:]),
			t.scope.service, t.scope.region, at); err != nil {
			return out, metadata, fmt.Errorf("sign request: %w", err)
		}
	}
	return next.HandleFinalize(ctx, in)
}
