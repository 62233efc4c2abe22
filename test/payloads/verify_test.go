package payloads

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// verifyCase is a request and whether it is valid.
type verifyCase struct {
	name    string
	secret  string
	headers map[string]string // in lower case
	body    []byte
	valid   bool
}

// verifyCases are a signed notification, and changes of it that must be noticed. Its receiver knows the secret (v1).
func verifyCases(t *testing.T) []verifyCase {
	t.Helper()
	return casesOf(t, signingSecret, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "v1,AAAA")
}

// verifyKeyCases are the same for a receiver that knows the public key (v1a).
func verifyKeyCases(t *testing.T) []verifyCase {
	t.Helper()
	return casesOf(t, publicKey, "whpk_wGVhoBA5tXpYtPgvUPzFVSV0lBZ9fHbPbQTE1Z0pF6c=", "v1a,AAAA")
}

func casesOf(t *testing.T, secret, other, invalid string) []verifyCase {
	t.Helper()
	m := newStory(t).message(approval.NotifyRequest, "")
	sent, old := sendWebhook(t, m, time.Now()), sendWebhook(t, m, time.Now().Add(-time.Hour))
	headers := func(r httpRequest) map[string]string {
		out := map[string]string{}
		for name, values := range r.Header {
			out[strings.ToLower(name)] = values[0]
		}
		return out
	}
	rotating := headers(sent)
	rotating["webhook-signature"] = invalid + " " + rotating["webhook-signature"]
	forged := headers(sent)
	forged["webhook-id"] += "0"
	garbled := headers(sent)
	garbled["webhook-signature"] = "v1,\u00e4 v1a,\u00e4"
	swapped := headers(sent)
	swapped["webhook-signature"] = strings.NewReplacer("v1,", "v1a,", "v1a,", "v1,").Replace(swapped["webhook-signature"])
	changed := []byte(strings.Replace(string(sent.Body), "480.00", "980.00", 1))
	return []verifyCase{
		{"as sent", secret, headers(sent), sent.Body, true},
		{"while secrets rotate", secret, rotating, sent.Body, true},
		{"another body", secret, headers(sent), changed, false},
		{"another ID", secret, forged, sent.Body, false},
		{"another secret", other, headers(sent), sent.Body, false},
		{"not a signature", secret, garbled, sent.Body, false},
		{"another version", secret, swapped, sent.Body, false},
		{"an hour old", secret, headers(old), old.Body, false},
	}
}

// tool returns the path of a program, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// requireVerified runs a program that reads a case from case.json and the body from body.json, and prints true or false.
func requireVerified(t *testing.T, cases []verifyCase, dir, name string, args ...string) {
	t.Helper()
	for _, c := range cases {
		text, err := json.Marshal(map[string]any{"secret": c.secret, "headers": c.headers})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "case.json"), text, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "body.json"), c.body, 0o600))
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", c.name, out)
		want := map[bool]string{true: "true", false: "false"}[c.valid]
		require.Equal(t, want, strings.ToLower(strings.TrimSpace(string(out))), c.name)
	}
}

// example copies an example of the page into a folder, with a program that calls it.
func example(t *testing.T, name, program, text string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(read(t, "verify/"+name)+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(text), 0o600))
	return dir
}

func TestVerifyInPython(t *testing.T) {
	t.Parallel()
	python := tool(t, "python3")
	dir := example(t, "verify.py", "run.py", `import json
from verify import verify
case = json.load(open("case.json", encoding="utf-8"))
print(verify(case["secret"], case["headers"], open("body.json", "rb").read()))
`)
	requireVerified(t, verifyCases(t), dir, python, "run.py")
}

func TestVerifyInNode(t *testing.T) {
	t.Parallel()
	node := tool(t, "node")
	dir := example(t, "verify.mjs", "run.mjs", `import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const c = JSON.parse(readFileSync("case.json", "utf8"));
console.log(verify(c.secret, c.headers, readFileSync("body.json")));
`)
	requireVerified(t, verifyCases(t), dir, node, "run.mjs")
}

// goProgram calls the example in Go.
const goProgram = `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	var c struct {
		Secret  string
		Headers map[string]string
	}
	text, _ := os.ReadFile("case.json")
	body, _ := os.ReadFile("body.json")
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	header := http.Header{}
	for name, value := range c.Headers {
		header.Set(name, value)
	}
	fmt.Println(verify(c.Secret, header, body, 5*time.Minute))
}
`

func TestVerifyInGo(t *testing.T) {
	t.Parallel()
	dir := example(t, "verify.go", "main.go", goProgram)
	build := exec.CommandContext(t.Context(), tool(t, "go"), "build", "-o", "verify", "verify.go", "main.go")
	build.Dir = dir
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	requireVerified(t, verifyCases(t), dir, filepath.Join(dir, "verify"))
}

// The lines for openssl print the signature of the body.
func TestVerifyWithOpenSSL(t *testing.T) {
	t.Parallel()
	tool(t, "openssl")
	shell := tool(t, "sh")
	for _, c := range verifyCases(t)[:1] {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "body.json"), c.body, 0o600))
		cmd := exec.CommandContext(t.Context(), shell, "-euc", read(t, "verify/verify.sh"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(),
			"SECRET="+c.secret, "ID="+c.headers["webhook-id"], "TIMESTAMP="+c.headers["webhook-timestamp"])
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, strings.Fields(c.headers["webhook-signature"]), strings.TrimSpace(string(out)))
	}
}
