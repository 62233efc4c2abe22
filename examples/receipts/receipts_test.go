package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/receipt"
)

const payload = `{"total": 4200.50, "count": 5.0, "vendor": "Müller \"& Söhne\"", "é": [1, null, true], "lines": [{"sku": "a"}]}`

// verifiers returns the commands of the examples.
func verifiers(t *testing.T) map[string][]string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "receipts")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return map[string][]string{
		"Go":     {binary},
		"Python": {"python3", "verify.py"},
		"Node":   {"node", "verify.mjs"},
	}
}

// missing returns why a verifier cannot run on this machine.
func missing(ctx context.Context, command []string) string {
	if _, err := exec.LookPath(command[0]); err != nil {
		return command[0] + " is not installed"
	}
	if command[0] == "python3" && exec.CommandContext(ctx, "python3", "-c", "import cryptography").Run() != nil {
		return "the package cryptography is not installed"
	}
	return ""
}

// situation is what a verifier gets.
type situation struct{ answer, keys, payload string }

func TestExamplesRefuseEverythingElse(t *testing.T) {
	t.Parallel()

	ring := keys.NewRing(time.Now())
	good := situation{
		answer:  answer(t, ring, approval.Approved),
		keys:    string(receipt.MarshalJWKS(ring.PublicKeys(receipt.Purpose))),
		payload: payload,
	}
	other := string(receipt.MarshalJWKS(keys.NewRing(time.Now()).PublicKeys(receipt.Purpose)))
	middle := strings.Index(good.answer, ".") + 40
	refused := map[string]situation{
		"other total":       {good.answer, good.keys, strings.Replace(payload, "4200.50", "9200.50", 1)},
		"text for a number": {good.answer, good.keys, strings.Replace(payload, "4200.50", `"4200.50"`, 1)},
		"one line more":     {good.answer, good.keys, strings.Replace(payload, `{"sku": "a"}`, `{"sku": "a"}, {"sku": "b"}`, 1)},
		"one name more":     {good.answer, good.keys, strings.Replace(payload, "{", `{"urgent": true, `, 1)},
		"other keys":        {good.answer, other, payload},
		"rejected":          {answer(t, ring, approval.Rejected), good.keys, payload},
		"changed receipt":   {good.answer[:middle] + "AAAA" + good.answer[middle+4:], good.keys, payload},
		"no receipt":        {`{"approved": true, "status": "approved"}`, good.keys, payload},
	}
	same := good
	same.payload = `{"lines":[{"sku":"a"}],"\u00e9":[1.0,null,true],"vendor":"M\u00fcller \"& S\u00f6hne\"","count":5,"total":4200.5}`

	for name, command := range verifiers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reason := missing(t.Context(), command); reason != "" {
				t.Skip(reason)
			}
			for _, s := range []situation{good, same} {
				out, err := s.run(t, command)
				assert.NoError(t, err, out)
				assert.Contains(t, out, "order A-1001: approve")
			}
			for situation, s := range refused {
				out, err := s.run(t, command)
				assert.Error(t, err, "%s: %s", situation, out)
				assert.NotContains(t, out, "order A-1001: approve", situation)
			}
		})
	}
}

// TestExamplesAreShort keeps the examples short enough to be read at once.
func TestExamplesAreShort(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"main.go", "verify.py", "verify.mjs"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.LessOrEqual(t, strings.Count(string(text), "\n"), 30, name)
	}
}

// answer returns the answer to a workflow, with a receipt.
func answer(t *testing.T, ring *keys.Ring, status approval.Status) string {
	t.Helper()
	a := &approval.Approval{ID: "ap-1", Status: status, RequestedAt: time.Now(), ClosedAt: time.Now()}
	a.Workflow, a.Receipt = "purchases", true
	var err error
	a.RequestDigest, err = canonical.Digest([]byte(payload))
	require.NoError(t, err)
	a.Votes = []approval.Vote{{Outcome: approval.Approve, By: "ann@example.com", Via: approval.ViaLink}}
	text, err := receipt.Make(ring, "https://approvals.example.com", "A-1001", a)
	require.NoError(t, err)
	out, err := json.Marshal(map[string]any{"orderId": "A-1001", "receipt": text})
	require.NoError(t, err)
	return string(out)
}

// run runs a verifier in a folder of its own files.
func (s situation) run(t *testing.T, command []string) (string, error) {
	t.Helper()
	args := command[1:]
	dir := t.TempDir()
	for i, text := range []string{s.answer, s.keys, s.payload} {
		file := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		args = append(args[:len(args):len(args)], file)
	}
	out, err := exec.CommandContext(t.Context(), command[0], args...).CombinedOutput()
	return string(out), err
}
