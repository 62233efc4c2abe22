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

// verifyCases are a signed notification, and changes of it that must be noticed.
func verifyCases(t *testing.T) []verifyCase {
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
	rotating["webhook-signature"] = "v1,AAAA " + rotating["webhook-signature"]
	forged := headers(sent)
	forged["webhook-id"] += "0"
	garbled := headers(sent)
	garbled["webhook-signature"] = "v1,\u00e4"
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	changed := []byte(strings.Replace(string(sent.Body), "480.00", "980.00", 1))
	return []verifyCase{
		{"as sent", signingSecret, headers(sent), sent.Body, true},
		{"while secrets rotate", signingSecret, rotating, sent.Body, true},
		{"another body", signingSecret, headers(sent), changed, false},
		{"another ID", signingSecret, forged, sent.Body, false},
		{"another secret", other, headers(sent), sent.Body, false},
		{"not a signature", signingSecret, garbled, sent.Body, false},
		{"an hour old", signingSecret, headers(old), old.Body, false},
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
func requireVerified(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	for _, c := range verifyCases(t) {
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
	requireVerified(t, dir, python, "run.py")
}

func TestVerifyInNode(t *testing.T) {
	t.Parallel()
	node := tool(t, "node")
	dir := example(t, "verify.mjs", "run.mjs", `import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const c = JSON.parse(readFileSync("case.json", "utf8"));
console.log(verify(c.secret, c.headers, readFileSync("body.json")));
`)
	requireVerified(t, dir, node, "run.mjs")
}

func TestVerifyInGo(t *testing.T) {
	t.Parallel()
	dir := example(t, "verify.go", "main.go", `package main

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
`)
	build := exec.CommandContext(t.Context(), tool(t, "go"), "build", "-o", "verify", "verify.go", "main.go")
	build.Dir = dir
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	requireVerified(t, dir, filepath.Join(dir, "verify"))
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
		require.Equal(t, c.headers["webhook-signature"], strings.TrimSpace(string(out)))
	}
}
