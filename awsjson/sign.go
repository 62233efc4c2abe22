package awsjson

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// newRequest returns the signed request of a call.
func (o *Operation) newRequest(ctx context.Context, body []byte) (*http.Request, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	credentials, err := o.credentials(ctx)
	if err != nil {
		return nil, err
	}
	t, err := o.template(ctx, credentials)
	if err != nil {
		return nil, err
	}
	id, err := o.ids.GetUUID()
	if err != nil {
		return nil, fmt.Errorf("make the ID of a call: %w", err)
	}
	request := t.newRequest(ctx, body, id)
	if t.scope == nil {
		return request, nil
	}
	hash := sha256.Sum256(body)
	err = o.signer.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), t.scope.service, t.scope.region,
		o.config.Clock.now())
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return request, nil
}

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
