package awskeys

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// GetSecretValueFunc implements SecretAPI by a client's method, without the client: see outbound.OperationNames.
type GetSecretValueFunc func(
	context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error)

// GetSecretValue implements SecretAPI.
func (f GetSecretValueFunc) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	return f(ctx, in, options...)
}

// DecryptFunc implements OpenAPI by a client's method, without the client: see outbound.OperationNames.
type DecryptFunc func(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)

// Decrypt implements OpenAPI.
func (f DecryptFunc) Decrypt(
	ctx context.Context, in *kms.DecryptInput, options ...func(*kms.Options),
) (*kms.DecryptOutput, error) {
	return f(ctx, in, options...)
}

// EncryptFunc implements SealAPI by a client's method, without the client: see outbound.OperationNames.
type EncryptFunc func(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error)

// Encrypt implements SealAPI.
func (f EncryptFunc) Encrypt(
	ctx context.Context, in *kms.EncryptInput, options ...func(*kms.Options),
) (*kms.EncryptOutput, error) {
	return f(ctx, in, options...)
}
