package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// The built program makes receipts, and verifies them as a process without its files, where only cryptography of FIPS 140
// is admitted. A receipt outlives a SIGKILL, a rotation of the keys and the removal of the key that signed it.
func TestReceiptsOfTheBuiltProgram(t *testing.T) {
	t.Parallel()
	w := newReceiptWorld(t)
	config := w.writeReceiptConfig(t)
	w.startProgram(t, config)
	payload := w.save(t, "payload.json", `{"total": 1200.50, "item": "desk"}`)
	answer := w.save(t, "answer.json", w.approve(t, "A-1", `{"item": "desk", "total": 1200.50}`))
	old := w.save(t, "old.json", w.command(t, true, "keys", "export", "--public", "keys"))
	require.Equal(t, w.get(t, w.public, "/.well-known/approval-relay/jwks.json"), w.read(t, old))
	w.command(t, true, "verify", answer, "--key", old, "--payload", payload, "--approved")

	changed := w.save(t, "changed.json", `{"total": 1200.51, "item": "desk"}`)
	require.Contains(t, w.command(t, false, "verify", answer, "--key", old, "--payload", changed), "not what was decided about")

	w.killProgram()
	w.command(t, true, "keys", "rotate", "keys")
	w.startProgram(t, config)
	both := w.save(t, "both.json", w.get(t, w.public, "/.well-known/approval-relay/jwks.json"))
	w.command(t, true, "verify", answer, "--key", both, "--payload", payload)
	renewed := w.save(t, "renewed.txt", w.command(t, true, "receipt", "A-1", "--url=http://"+w.operator, "--token="+operatorToken))
	w.command(t, true, "verify", renewed, "--key", both, "--payload", payload)
	require.Contains(t, w.command(t, false, "verify", renewed, "--key", old), "not among")
	second := w.save(t, "second.json", w.approve(t, "A-2", `{"item": "lamp"}`))
	require.Contains(t, w.command(t, false, "verify", second, "--key", both, "--payload", payload), "not what was decided about")

	lines := strings.Split(strings.TrimSpace(w.read(t, filepath.Join(w.dir, "keys"))), "\n")
	w.save(t, "keys", strings.Join(lines[:len(lines)-1], "\n")+"\n")
	fresh := w.save(t, "fresh.json", w.command(t, true, "keys", "export", "keys"))
	require.Contains(t, w.command(t, false, "verify", answer, "--key", fresh), "not among")
	w.command(t, true, "verify", answer, "--key", old, "--payload", payload)
}

// newReceiptWorld starts what receipts need.
func newReceiptWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		dir:      t.TempDir(),
		binary:   *binaryPath,
		public:   freeAddress(t),
		operator: freeAddress(t),
		// FIPS 140 admits no keys of less than 14 bytes for the signatures of AWS.
		env: []string{"GODEBUG=fips140=only", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"},
	}
	if w.binary == "" {
		w.binary = buildCommand(t, w.dir, "cmd/approval-relay")
	}
	var err error
	w.aws, err = emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.aws.Close() })
	return w
}

func (w *world) writeReceiptConfig(t *testing.T) string {
	t.Helper()
	return w.save(t, "receipts.yaml", fmt.Sprintf(`
public: {listen: %q, url: "https://approvals.example.com"}
operator: {listen: %q, tokens: {ops: %s}, api_tokens: {shop: {token: %s, decides_own: true}}}
store: {sqlite: relay.db}
keys: {file: keys}
aws: {region: us-east-1, endpoint: %q}
workflows:
  purchases:
    approvers: [ann@example.com]
    decision: {receipt: true, payload: /purchase}
`, w.public, w.operator, operatorToken, apiToken, w.aws.URL()))
}

// approve asks for the approval of a purchase, approves it, and returns the answer that the workflow got.
func (w *world) approve(t *testing.T, order, purchase string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	token := w.aws.StepFunctions.OpenTask(time.Hour, 0)
	header := http.Header{"Authorization": {"Bearer " + apiToken}, "Content-Type": {"application/json"}}
	for path, body := range map[string]string{
		"/v1/requests":                       fmt.Sprintf(`{"orderId": %q, "taskToken": %q, "purchase": %s}`, order, token, purchase),
		"/v1/orders/" + order + "/decisions": `{"decisionId": "d-1", "decision": "approve", "decidedBy": "ann@example.com"}`,
	} { // in any order: a decision waits for its request
		status, text, err := w.callOnce(ctx, http.MethodPost, "http://"+w.operator+path, header, body)
		require.NoError(t, err)
		require.Less(t, status, 300, text)
	}
	task, err := w.aws.StepFunctions.WaitForTask(ctx, token)
	require.NoError(t, err, lastOf(w.logs.String()))
	return task.Output
}

// command runs a command of the program, which must succeed or fail, and returns what it prints.
func (w *world) command(t *testing.T, succeeds bool, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.binary, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), w.env...)
	out, err := cmd.CombinedOutput()
	require.Equal(t, succeeds, err == nil, "%s: %s", args, out)
	return string(out)
}

func (w *world) get(t *testing.T, address, path string) string {
	t.Helper()
	status, text, err := w.callOnce(t.Context(), http.MethodGet, "http://"+address+path, http.Header{}, "")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, text)
	return text
}

// save writes a file and returns its path.
func (w *world) save(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (w *world) read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
