package flood

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/internal/loopback"
)

// The limits of memory that the chart sets are goMemLimit and 512Mi. The worker must stay below maxRSS.
const (
	goMemLimit = 180 << 20
	maxRSS     = 256 << 20
)

const (
	operatorToken = "flood-operator-0123456789abcdef"
	erpSecret     = "flood-erp-0123456789abcdef"
)

// worker is the program in a process of its own.
type worker struct {
	cmd              *exec.Cmd
	public, operator string // addresses
	scheme           string // of the public address
	client           *http.Client
	output           *output
}

// output keeps what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "approval-relay")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary,
		"github.com/approval-relay/approval-relay/cmd/approval-relay").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

// start starts the program with at most so many open files, 0 for the limit of this process.
func start(t *testing.T, binary string, useTLS bool, files int) *worker {
	t.Helper()
	public, err := loopback.Address()
	require.NoError(t, err)
	operator, err := loopback.Address()
	require.NoError(t, err)
	w := &worker{public: public, operator: operator, scheme: "http", output: &output{}}
	w.client = newUsersClient()
	dir, tlsSettings := t.TempDir(), ""
	if useTLS {
		w.scheme = "https"
		tlsSettings = w.makeCertificate(t, dir)
	}
	config := filepath.Join(dir, "relay.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
public:
  listen: %q
  url: "%s://%s"
  %s
  oidc: {issuer: "http://127.0.0.1:1", client_id: x, client_secret: y}
operator: {listen: %q, tokens: {olga: %q}, open_metrics: true}
store: {sqlite: %q}
keys: {file: %q}
webhooks: {erp: {hmac: {header: X-Hub-Signature-256, prefix: "sha256=", secrets: [%q]}}}
channels:
  log: {log: {}}
  chat: {slack: {bot_token: xoxb-flood, signing_secrets: [flood-slack-0123456789abcdef]}}
workflows: {orders: {notify: [log], approvers: [ann@example.com], requests: {}}}
`, public, w.scheme, public, tlsSettings, operator, operatorToken, filepath.Join(dir, "db"), filepath.Join(dir, "keys"), erpSecret), 0o600))
	command := []string{binary, "run", "--config.file=" + config}
	if files > 0 {
		command = []string{"sh", "-c", fmt.Sprintf("ulimit -n %d && exec %s", files, strings.Join(command, " "))}
	}
	w.cmd = exec.Command(command[0], command[1:]...) //nolint:noctx // stopped below
	w.cmd.Stdout, w.cmd.Stderr = w.output, w.output
	w.cmd.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%dB", goMemLimit), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x",
		"AWS_REGION=eu-west-1", "AWS_EC2_METADATA_DISABLED=true")
	require.NoError(t, w.cmd.Start())
	t.Cleanup(func() {
		_ = w.cmd.Process.Signal(syscall.SIGTERM)
		_ = w.cmd.Wait()
	})
	require.Eventually(t, func() bool {
		status, _, err := w.call(t.Context(), "GET", "http://"+operator+"/readyz", "")
		return err == nil && status == http.StatusOK
	}, time.Minute, 10*time.Millisecond, "%s", w.output)
	return w
}

// newUsersClient returns the client of all users. As in life, they do not come from the address of the flood: of the
// connections of one address, the one that has waited for its request the longest is closed when there are too many, and so
// the speed of this process would decide whether a user's request comes in time.
func newUsersClient() *http.Client {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DialContext: from.DialContext}}
}

// makeCertificate writes a certificate for the public address, and lets the client trust it.
func (w *worker) makeCertificate(t *testing.T, dir string) (settings string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	host, _, err := net.SplitHostPort(w.public)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.ParseIP(host)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(certFile, certificate, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	w.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return fmt.Sprintf("tls: {certificate: %q, key: %q}", certFile, keyFile)
}

// headerTime is the time within which the worker wants to read the headers of a request on a new connection.
const headerTime = 5 * time.Second

// call sends a request with headers, and returns the answer. Beside its flood, this process may need longer than headerTime
// between a connect and the request. The worker has closed the connection then, and the user tries again.
func (w *worker) call(ctx context.Context, method, url, body string, header ...string) (status int, text string, err error) {
	for range 10 {
		var connected, sent atomic.Pointer[time.Time]
		now := func() *time.Time { now := time.Now(); return &now }
		status, text, err = w.callOnce(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			ConnectDone:  func(string, string, error) { connected.Store(now()) },
			WroteHeaders: func() { sent.Store(now()) },
		}), method, url, body, header...)
		sent.CompareAndSwap(nil, now())
		if began := connected.Load(); err == nil || began == nil || sent.Load().Sub(*began) < headerTime {
			break
		}
	}
	return status, text, err
}

func (w *worker) callOnce(ctx context.Context, method, url, body string, header ...string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := w.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// peakRSS returns the largest resident memory that the worker has had, in bytes.
func (w *worker) peakRSS(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	require.NoError(t, err)
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, found)
	kilobytes, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return kilobytes << 10
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(erpSecret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
