package operate

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keyPlace stands in for Secrets Manager and KMS. KMS "seals" by reversing the bytes, so that a sealed text has no byte of a
// key in its place.
type keyPlace struct {
	*httptest.Server

	mu     sync.Mutex
	secret string // the text of the only secret, relay/keys
	fault  string // the code of the error that every call gets; "broken" ends the connection
}

func newKeyPlace(t *testing.T) *keyPlace {
	t.Helper()
	p := &keyPlace{}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() { p.CloseClientConnections(); p.Close() })
	return p
}

func (p *keyPlace) set(secret, fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secret, p.fault = secret, fault
}

// ServeHTTP answers a call.
func (p *keyPlace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	secret, fault := p.secret, p.fault
	p.mu.Unlock()
	var in struct {
		SecretId                  string //nolint:revive // as AWS spells it
		Plaintext, CiphertextBlob []byte
		EncryptionContext         map[string]string
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &in)
	operation := r.Header.Get("X-Amz-Target")
	var answer any
	switch {
	case fault == "broken":
		panic(http.ErrAbortHandler)
	case fault != "":
	case operation == "secretsmanager.GetSecretValue" && in.SecretId != "relay/keys":
		fault = "ResourceNotFoundException"
	case operation == "secretsmanager.GetSecretValue":
		answer = map[string]string{"SecretString": secret}
	case in.EncryptionContext["purpose"] != "approval-relay keys":
		fault = "InvalidCiphertextException"
	case operation == "TrentService.Encrypt":
		answer = map[string]any{"CiphertextBlob": reversed(in.Plaintext)}
	case operation == "TrentService.Decrypt":
		answer = map[string]any{"Plaintext": reversed(in.CiphertextBlob)}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fault != "" {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": fault, "message": "no"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func reversed(b []byte) []byte {
	var out []byte
	for i := range b {
		out = append(out, b[len(b)-1-i])
	}
	return out
}

// sealedWorld is a world whose keys AWS keeps: as a secret, and sealed by KMS.
type sealedWorld struct {
	*world

	place        *keyPlace
	text         string   // the text of the key file
	inSecret     config   // keys.secrets_manager
	sealed       config   // keys.kms
	secretsOfKey []string // what no log may have
}

func newSealedWorld(t *testing.T) *sealedWorld {
	t.Helper()
	s := &sealedWorld{world: newWorld(t), place: newKeyPlace(t)}
	s.aws.SQS.CreateQueue("orders")
	file, sealed := filepath.Join(t.TempDir(), "keys"), filepath.Join(s.dir, "sealed")
	s.command(t, "keys", "make", file)
	s.command(t, "keys", "seal", file, "--kms=alias/relay", "--region=us-east-1", "--to="+sealed)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	s.text = string(text)
	for field := range strings.FieldsSeq(s.text) {
		if key, err := base64.StdEncoding.DecodeString(field); err == nil && len(key) == 32 {
			s.secretsOfKey = append(s.secretsOfKey, field, hex.EncodeToString(key))
		}
	}
	require.Len(t, s.secretsOfKey, 2)
	inSealed, err := os.ReadFile(sealed)
	require.NoError(t, err)
	require.NotContains(t, string(inSealed), s.secretsOfKey[0])
	s.inSecret = s.config(t, fmt.Sprintf("\nkeys: {secrets_manager: {secret: relay/keys, endpoint: %q}}\n", s.place.URL)+oneWorkflow)
	s.sealed = s.config(t, fmt.Sprintf("\nkeys: {kms: {file: %q, endpoint: %q}}\n", sealed, s.place.URL)+oneWorkflow)
	return s
}

func (s *sealedWorld) command(t *testing.T, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program(t, "plain"), args...)
	c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_ENDPOINT_URL="+s.place.URL)
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
}

// requireNoKey checks that no log of a worker has a key.
func (s *sealedWorld) requireNoKey(t *testing.T, k *worker) {
	t.Helper()
	for _, key := range s.secretsOfKey {
		require.NotContains(t, k.logs.String(), key)
	}
}

// What one place of keys has sealed is opened by a worker whose same keys are in another place.
func TestKeysThatAWSKeeps(t *testing.T) {
	t.Parallel()
	s := newSealedWorld(t)
	s.place.set(s.text, "")
	k := s.start(t, s.inSecret)
	token := s.ask(t, k, "orders", "A-1", time.Hour, 0)
	s.requireNoKey(t, k)
	k.kill()

	s.place.set(base64.StdEncoding.EncodeToString([]byte(s.text)), "")
	s.start(t, s.inSecret).kill()

	k = s.start(t, s.sealed)
	k.decide(t, "A-1")
	await(t, "the workflow is answered", func() bool { return s.task(t, token).Effective == 1 })
	s.requireNoKey(t, k)
}

// What AWS refuses, and what is no key ring, ends the start at once. The error has the setting and what to do.
func TestKeysThatAWSRefuses(t *testing.T) {
	t.Parallel()
	s := newSealedWorld(t)
	for _, c := range []struct {
		config        config
		secret, fault string
		want          []string
	}{
		{s.inSecret, "", "AccessDeniedException", []string{"keys.secrets_manager", "relay/keys", "needs secretsmanager:GetSecretValue"}},
		{s.inSecret, "", "ResourceNotFoundException", []string{"keys.secrets_manager", "relay/keys", "no secret has this name"}},
		{s.inSecret, "", "DecryptionFailure", []string{"keys.secrets_manager", "needs kms:Decrypt"}},
		{s.inSecret, "", "", []string{"keys.secrets_manager", "has no key", "keys make"}},
		{s.inSecret, `{"keys": "` + s.secretsOfKey[0] + `"}`, "", []string{"keys.secrets_manager", "line 1", "whole text of a key file"}},
		{s.inSecret, strings.TrimSuffix(s.text, "=\n"), "", []string{"keys.secrets_manager", "line 2", "32 bytes"}},
		{s.sealed, "", "AccessDeniedException", []string{"keys.kms", "sealed", "needs kms:Decrypt on the key that seals the file"}},
		{s.sealed, "", "DisabledException", []string{"keys.kms", "enable the key in KMS"}},
		{s.sealed, "", "NotFoundException", []string{"keys.kms", "another region or account"}},
		{s.sealed, "", "InvalidCiphertextException", []string{"keys.kms", "seal the key file again"}},
		{s.sealed, "", "UnrecognizedClientException", []string{"keys.kms", "credentials"}},
	} {
		s.place.set(c.secret, c.fault)
		began := time.Now()
		k := s.launch(t, program(t, "plain"), c.config)
		require.Error(t, k.awaitEnd(t), c.want)
		require.Less(t, time.Since(began), 110*time.Second, "it waits for two minutes if AWS is out of reach")
		for _, part := range c.want {
			require.Contains(t, k.logs.String(), part)
		}
		s.requireNoKey(t, k)
	}
	require.NoFileExists(t, filepath.Join(s.dir, "relay.db"), "no store is made without keys")
}

// An outage of AWS at the start is waited for. SIGTERM ends the wait.
func TestKeysDuringAnOutageOfAWS(t *testing.T) {
	t.Parallel()
	s := newSealedWorld(t)
	for _, fault := range []string{"KMSInternalException", "ThrottlingException", "broken"} {
		s.place.set("", fault)
		k := s.launch(t, program(t, "plain"), s.sealed)
		await(t, "the worker tells what it waits for", func() bool {
			return strings.Contains(k.logs.String(), `"level":"WARN","msg":"the keys cannot be read; trying again","setting":"keys.kms"`)
		})
		s.place.set("", "")
		k.awaitReady(t)
		require.Contains(t, k.logs.String(), "the keys can be read now")
		k.kill()
	}
	s.place.set("", "broken")
	k := s.launch(t, program(t, "plain"), s.inSecret)
	await(t, "it waits", func() bool { return strings.Contains(k.logs.String(), "the keys cannot be read") })
	k.terminate(t)
	require.Error(t, k.awaitEnd(t))
	require.Contains(t, k.logs.String(), "keys.secrets_manager: the worker was stopped while it waited for its keys")
}
