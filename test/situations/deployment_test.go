package situations

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raw sends bytes over a connection of its own, and returns the status line at the end.
func (r *relay) raw(parts ...string) string {
	r.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.public, "http://"))
	require.NoError(r, err)
	defer func() { _ = conn.Close() }()
	require.NoError(r, conn.SetDeadline(time.Now().Add(20*time.Second)))
	in := bufio.NewReader(conn)
	status := ""
	for i, part := range parts {
		_, err := conn.Write([]byte(part))
		require.NoError(r, err)
		if i < len(parts)-1 || strings.HasPrefix(status, "HTTP/1.1 100") {
			if line, err := in.ReadString('\n'); err == nil {
				status = line
			}
		}
	}
	for {
		line, err := in.ReadString('\n')
		if strings.HasPrefix(line, "HTTP/") && !strings.Contains(line, " 100 ") {
			return strings.TrimSpace(line)
		}
		if err != nil {
			return strings.TrimSpace(status)
		}
	}
}

func TestHTTPDialects(t *testing.T) {
	t.Parallel()
	r := start(t, "http-dialects")
	body := `{"orderId":"A-1","decision":"approve"}`
	head := func(version string, lines ...string) string {
		all := []string{
			"POST /webhooks/b " + version, "Host: relay.test", "Authorization: Bearer " + sharedSecret, "Connection: close",
		}
		all = append(all, lines...)
		return strings.Join(all, "\r\n") + "\r\n\r\n"
	}
	length := fmt.Sprintf("Content-Length: %d", len(body))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(body), body)
	long := "X-Long: " + strings.Repeat("x", 18<<10)
	for what, c := range map[string]struct {
		want  string
		parts []string
	}{
		"a length":        {" 20", []string{head("HTTP/1.1", length) + body}},
		"100-continue":    {" 20", []string{head("HTTP/1.1", length, "Expect: 100-continue"), body}},
		"chunks":          {" 20", []string{head("HTTP/1.1", "Transfer-Encoding: chunked") + chunked + "\r\n"}},
		"a trailer":       {" 20", []string{head("HTTP/1.1", "Transfer-Encoding: chunked", "Trailer: X-End") + chunked + "X-End: 1\r\n\r\n"}},
		"HTTP/1.0":        {" 20", []string{head("HTTP/1.0", length) + body}},
		"line feeds only": {" 20", []string{strings.ReplaceAll(head("HTTP/1.1", length), "\r\n", "\n") + body}},
		"18 kB of header": {" 20", []string{head("HTTP/1.1", length, long) + body}},
		"64 kB of header": {" 431 ", []string{head("HTTP/1.1", length, "X-Long: "+strings.Repeat("x", 64<<10)) + body}},
		"two lengths":     {" 400 ", []string{head("HTTP/1.1", length, "Content-Length: 2") + body}},
		"HTTP/2 in clear": {" 40", []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}},
	} {
		require.Contains(t, r.raw(c.parts...)+" ", c.want, what)
	}
}

func TestSecondProcessOnSQLite(t *testing.T) {
	t.Parallel()
	r := start(t, "second-process-on-sqlite")
	text, err := os.ReadFile(r.config)
	require.NoError(t, err)
	second := filepath.Join(r.dir, "second.yaml")
	other := strings.NewReplacer(
		strings.TrimPrefix(r.public, "http://"), "127.0.0.1:0",
		strings.TrimPrefix(r.operator, "http://"), "127.0.0.1:0",
	).Replace(string(text))
	require.NoError(t, os.WriteFile(second, []byte(other), 0o600))
	out, err := r.command("run", "--config.file="+second).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "is in use by another process")
	r.asked("A-1")
	r.isAnsweredAfterDecision("A-1")
}

func TestSecretsAndNumbersOfDeployments(t *testing.T) {
	t.Parallel()
	r := prepare(t, "secrets-and-numbers-of-deployments")
	for name, want := range map[string]string{
		"newline-secret.yaml": "",
		"helm.yaml":           "",
		"bom.yaml":            "",
		"whsec.yaml":          "secret",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, "secret.txt"), r.readRaw("secret.txt"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), r.readRaw(name), 0o600))
		out, err := r.command("check", "config", name).CombinedOutput()
		if want == "" {
			require.NoError(t, err, "%s: %s", name, out)
			continue
		}
		require.Error(t, err, name)
		require.Contains(t, string(out), want)
		require.NotContains(t, string(out), "d2ViaG9v")
	}
	require.Equal(t, byte('\n'), r.readRaw("secret.txt")[len(r.readRaw("secret.txt"))-1])
	own := strings.Replace(string(r.readRaw("newline-secret.yaml")), "webhooks:", "workflows: {orders: {}}\nwebhooks:", 1)
	text, err := os.ReadFile(r.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.config, []byte(strings.Replace(string(text), "workflows: {orders: {}}", own, 1)), 0o600))
	r.run()
	body := `{"orderId":"A-1","decision":"approve"}`
	secret := strings.TrimSpace(string(r.readRaw("secret.txt")))
	got := r.post("b", body, "X-Signature-256", fmt.Sprintf("%x", macOf([]byte(secret), body)))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	got = r.post("b", body, "X-Signature-256", fmt.Sprintf("%x", macOf([]byte(secret+"\n"), body)))
	require.Equal(t, http.StatusUnauthorized, got.status)
}
