package payloads

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVerifyKeyInPython(t *testing.T) {
	t.Parallel()
	python := tool(t, "python3")
	if exec.CommandContext(t.Context(), python, "-c", "import cryptography").Run() != nil {
		t.Skip("Python's package cryptography is not installed (Debian: apt-get install python3-cryptography)")
	}
	dir := example(t, "verify_key.py", "run.py", `import json
from verify_key import verify_key
case = json.load(open("case.json", encoding="utf-8"))
print(verify_key(case["secret"], case["headers"], open("body.json", "rb").read()))
`)
	requireVerified(t, verifyKeyCases(t), dir, python, "run.py")
}

func TestVerifyKeyInNode(t *testing.T) {
	t.Parallel()
	node := tool(t, "node")
	dir := example(t, "verify_key.mjs", "run.mjs", `import { readFileSync } from "node:fs";
import { verifyKey } from "./verify_key.mjs";
const c = JSON.parse(readFileSync("case.json", "utf8"));
console.log(verifyKey(c.secret, c.headers, readFileSync("body.json")));
`)
	requireVerified(t, verifyKeyCases(t), dir, node, "run.mjs")
}

func TestVerifyKeyInGo(t *testing.T) {
	t.Parallel()
	dir := example(t, "verify_key.go", "main.go", strings.Replace(goProgram, "verify(c.Secret", "verifyKey(c.Secret", 1))
	build := exec.CommandContext(t.Context(), tool(t, "go"), "build", "-o", "verify", "verify_key.go", "main.go")
	build.Dir = dir
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	requireVerified(t, verifyKeyCases(t), dir, filepath.Join(dir, "verify"))
}

// The lines for openssl end with an error unless the signature is valid.
func TestVerifyKeyWithOpenSSL(t *testing.T) {
	t.Parallel()
	tool(t, "openssl")
	shell := tool(t, "sh")
	for _, c := range verifyKeyCases(t) {
		signature := ""
		for text := range strings.FieldsSeq(c.headers["webhook-signature"]) {
			if s, ok := strings.CutPrefix(text, "v1a,"); ok {
				signature = s
			}
		}
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "body.json"), c.body, 0o600))
		cmd := exec.CommandContext(t.Context(), shell, "-euc", read(t, "verify/verify_key.sh"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KEY="+c.secret, "SIGNATURE="+signature,
			"ID="+c.headers["webhook-id"], "TIMESTAMP="+c.headers["webhook-timestamp"])
		out, err := cmd.CombinedOutput()
		valid := c.valid || c.name == "an hour old" // the lines check no time
		require.Equal(t, valid, err == nil, "%s: %s", c.name, out)
	}
}
