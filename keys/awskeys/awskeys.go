// Package awskeys reads key rings that AWS keeps: as a secret of Secrets Manager, or as a file that a key of KMS has
// sealed, so that the file alone is of no use.
package awskeys

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/approval-relay/approval-relay/keys"
)

// SecretAPI is the part of secretsmanager.Client that reads a secret.
type SecretAPI interface {
	GetSecretValue(
		context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options),
	) (*secretsmanager.GetSecretValueOutput, error)
}

// OpenAPI is the part of kms.Client that opens a sealed file.
type OpenAPI interface {
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// SealAPI is the part of kms.Client that seals a file.
type SealAPI interface {
	Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error)
}

// ReadSecret returns the key ring in a secret, named by its name or ARN. The secret is the text of a key file, as text or
// in base64.
func ReadSecret(ctx context.Context, api SecretAPI, secret string) (*keys.Ring, error) {
	out, err := api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret})
	if err != nil {
		return nil, fmt.Errorf("read the secret %s: %w", secret, err)
	}
	text := out.SecretBinary
	if out.SecretString != nil {
		text = []byte(*out.SecretString)
	}
	ring, err := keys.ParseText(text)
	if err != nil {
		return nil, &contentError{fmt.Errorf("load keys from the secret %s: %w", secret, err)}
	}
	return ring, nil
}

// sealedHeader is the first line of a sealed file. The second is the ciphertext of the key file in base64.
const sealedHeader = "approval-relay sealed keys 1\n"

// maxSealed is the size of the largest text that KMS encrypts: about 45 keys.
const maxSealed = 4096

// encryptionContext binds the ciphertext to its purpose. CloudTrail shows it.
func encryptionContext() map[string]string {
	return map[string]string{"purpose": "approval-relay keys"}
}

// Seal returns the sealed file of a ring. The key of KMS is named by its ID, ARN or alias.
func Seal(ctx context.Context, api SealAPI, key string, ring *keys.Ring) ([]byte, error) {
	text := ring.FileText()
	if len(text) > maxSealed {
		return nil, fmt.Errorf("the key file has %d bytes, and KMS seals at most %d: remove keys that are no longer needed",
			len(text), maxSealed)
	}
	out, err := api.Encrypt(ctx, &kms.EncryptInput{KeyId: &key, Plaintext: text, EncryptionContext: encryptionContext()})
	if err != nil {
		return nil, fmt.Errorf("seal keys with %s: %w: sealing needs kms:Encrypt on a symmetric key that is in this region and enabled",
			key, err)
	}
	return []byte(sealedHeader + base64.StdEncoding.EncodeToString(out.CiphertextBlob) + "\n"), nil
}

// OpenSealed returns the ring in a sealed file. The file names its key of KMS by itself.
func OpenSealed(ctx context.Context, api OpenAPI, file []byte) (*keys.Ring, error) {
	rest, ok := bytes.CutPrefix(file, []byte(sealedHeader))
	if !ok {
		return nil, &contentError{errors.New("it is not a file that `approval-relay keys seal` has made")}
	}
	sealed, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(rest)))
	if err != nil {
		return nil, &contentError{errors.New("line 2: it is not base64")}
	}
	out, err := api.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed, EncryptionContext: encryptionContext()})
	if err != nil {
		return nil, fmt.Errorf("open the sealed keys: %w", err)
	}
	ring, err := keys.ParseText(out.Plaintext)
	if err != nil {
		return nil, &contentError{fmt.Errorf("load keys from what was sealed: %w", err)}
	}
	return ring, nil
}
