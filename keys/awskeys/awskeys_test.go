package awskeys_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/keys/awskeys"
)

// fakeKMS seals by putting the context in front. It refuses another context, as KMS does.
type fakeKMS struct{ err error }

func contextText(m map[string]string) string {
	var out strings.Builder
	for k, v := range maps.All(m) {
		out.WriteString(k + "=" + v + "\n")
	}
	return out.String()
}

func (f fakeKMS) Encrypt(_ context.Context, in *kms.EncryptInput, _ ...func(*kms.Options)) (*kms.EncryptOutput, error) {
	if len(in.Plaintext) > 4096 {
		return nil, errors.New("too long")
	}
	return &kms.EncryptOutput{CiphertextBlob: append([]byte(contextText(in.EncryptionContext)), flip(in.Plaintext)...)}, f.err
}

func (f fakeKMS) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	text, ok := strings.CutPrefix(string(in.CiphertextBlob), contextText(in.EncryptionContext))
	if !ok || f.err != nil {
		return nil, errors.Join(f.err, errors.New("InvalidCiphertextException"))
	}
	return &kms.DecryptOutput{Plaintext: flip([]byte(text))}, nil
}

func flip(text []byte) []byte {
	out := make([]byte, len(text))
	for i, b := range text {
		out[i] = b ^ 0xFF
	}
	return out
}

// A sealed file opens to the same keys, has none of them in itself, and opens only as what it is.
func TestSealedKeys(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now()).Rotate(time.Now())
	sealed, err := awskeys.Seal(t.Context(), fakeKMS{}, "alias/relay", ring)
	require.NoError(t, err)
	for line := range strings.Lines(string(ring.FileText())) {
		for field := range strings.FieldsSeq(line) {
			require.False(t, len(field) > 20 && strings.Contains(string(sealed), field), "a key in the clear")
		}
	}
	opened, err := awskeys.OpenSealed(t.Context(), fakeKMS{}, sealed)
	require.NoError(t, err)
	require.Equal(t, ring.FileText(), opened.FileText())

	for name, file := range map[string][]byte{
		"a key file":       ring.FileText(),
		"nothing":          nil,
		"not base64":       []byte("approval-relay sealed keys 1\n!!!\n"),
		"another context":  []byte("approval-relay sealed keys 1\n" + base64.StdEncoding.EncodeToString([]byte("purpose=x\n")) + "\n"),
		"something sealed": mustSeal(t, "no key file"),
	} {
		_, err := awskeys.OpenSealed(t.Context(), fakeKMS{}, file)
		require.Error(t, err, name)
		requireNoKeys(t, ring, err)
	}
	_, err = awskeys.OpenSealed(t.Context(), fakeKMS{errors.New("AccessDeniedException")}, sealed)
	require.ErrorContains(t, err, "AccessDeniedException")
}

func mustSeal(t *testing.T, text string) []byte {
	t.Helper()
	out, err := fakeKMS{}.Encrypt(t.Context(), &kms.EncryptInput{
		Plaintext: []byte(text), EncryptionContext: map[string]string{"purpose": "approval-relay keys"},
	})
	require.NoError(t, err)
	return []byte("approval-relay sealed keys 1\n" + base64.StdEncoding.EncodeToString(out.CiphertextBlob) + "\n")
}

func requireNoKeys(t *testing.T, ring *keys.Ring, err error) {
	t.Helper()
	for line := range strings.Lines(string(ring.FileText())) {
		if fields := strings.Fields(line); len(fields) == 3 && len(fields[2]) > 20 {
			require.NotContains(t, err.Error(), fields[2])
		}
	}
}

// A ring that KMS cannot seal is refused with the reason.
func TestTooManyKeysToSeal(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	for range 60 {
		ring = ring.Rotate(time.Now())
	}
	_, err := awskeys.Seal(t.Context(), fakeKMS{}, "alias/relay", ring)
	require.ErrorContains(t, err, "at most 4096")
}

type fakeSecret struct {
	text   *string
	binary []byte
	err    error
}

func (f fakeSecret) GetSecretValue(
	context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretString: f.text, SecretBinary: f.binary}, f.err
}

// A secret has the text of a key file, as text, in base64 or as bytes. Errors name the secret and have nothing of it.
func TestKeysInASecret(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	plain, encoded := string(ring.FileText()), base64.StdEncoding.EncodeToString(ring.FileText())
	for name, secret := range map[string]fakeSecret{
		"text": {text: &plain}, "base64": {text: &encoded}, "bytes": {binary: ring.FileText()},
	} {
		got, err := awskeys.ReadSecret(t.Context(), secret, "relay/keys")
		require.NoError(t, err, name)
		require.Equal(t, ring.PrimaryID(), got.PrimaryID(), name)
	}
	broken := strings.Replace(plain, " 1\n", " 1\nx ", 1)
	for name, secret := range map[string]fakeSecret{
		"empty": {}, "broken": {text: &broken}, "denied": {err: errors.New("AccessDeniedException")},
	} {
		_, err := awskeys.ReadSecret(t.Context(), secret, "relay/keys")
		require.ErrorContains(t, err, "relay/keys", name)
		requireNoKeys(t, ring, err)
	}
}

// What AWS refuses is no outage, and neither is a secret that has something else.
func TestMayPass(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	something := "something"
	_, wrongSecret := awskeys.ReadSecret(t.Context(), fakeSecret{text: &something}, "relay/keys")
	_, wrongFile := awskeys.OpenSealed(t.Context(), fakeKMS{}, ring.FileText())
	_, wrongContent := awskeys.OpenSealed(t.Context(), fakeKMS{}, mustSeal(t, "no key file"))
	for name, err := range map[string]error{
		"secret": wrongSecret, "file": wrongFile, "content": wrongContent,
		"denied":   &smithy.GenericAPIError{Code: "AccessDeniedException", Fault: smithy.FaultClient},
		"disabled": &kmstypes.DisabledException{},
	} {
		require.False(t, awskeys.MayPass(err), name)
		require.NotEmpty(t, awskeys.Advice(err), name)
	}
	for name, err := range map[string]error{
		"network":  errors.New("connection refused"),
		"timeout":  context.DeadlineExceeded,
		"throttle": &smithy.GenericAPIError{Code: "ThrottlingException", Fault: smithy.FaultClient},
		"internal": &kmstypes.KMSInternalException{},
		"server":   &smithy.GenericAPIError{Code: "Whatever", Fault: smithy.FaultServer},
	} {
		require.True(t, awskeys.MayPass(err), name)
		require.NotEmpty(t, awskeys.Advice(err), name)
	}
}
