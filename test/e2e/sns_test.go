package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	snsHost  = "sns.us-east-1.amazonaws.com"
	snsPath  = "/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem"
	snsTopic = "arn:aws:sns:us-east-1:111122223333:decisions"
)

// snsSigner signs as SNS does. Its certificate is served at the host of SNS. The program reaches that host through a
// proxy and trusts it because of SSL_CERT_FILE.
type snsSigner struct {
	key *rsa.PrivateKey
	env []string
}

func newSNSSigner(t *testing.T, dir string) *snsSigner {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: snsHost},
		DNSNames:              []string{snsHost},
		IsCA:                  true,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		t.Fatal(err)
	}
	host := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == snsHost && r.URL.Path == snsPath {
			_, _ = w.Write(text)
		}
	}))
	host.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	host.StartTLS()
	t.Cleanup(host.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != snsHost+":443" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnel(w, host.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	return &snsSigner{key, []string{"HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + roots}}
}

// tunnel connects a client of the proxy to another address.
func tunnel(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = there.Close() }()
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = here.Close() }()
	go func() { _, _ = io.Copy(there, buffered) }()
	_, _ = io.Copy(here, there)
}

// notification returns a decision as SNS posts it, signed by version 1 or 2 of
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
func (n *snsSigner) notification(t *testing.T, topic, version, id, message string) string {
	t.Helper()
	m := map[string]string{
		"Type":             "Notification",
		"MessageId":        id,
		"TopicArn":         topic,
		"Message":          message,
		"Timestamp":        time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"SignatureVersion": version,
		"SigningCertURL":   "https://" + snsHost + snsPath,
		"UnsubscribeURL":   "https://" + snsHost + "/?Action=Unsubscribe",
	}
	var text strings.Builder
	for _, name := range []string{"Message", "MessageId", "Timestamp", "TopicArn", "Type"} {
		text.WriteString(name + "\n" + m[name] + "\n")
	}
	hash, sum := crypto.SHA1, sha1.Sum([]byte(text.String()))
	digest := sum[:]
	if version == "2" {
		strong := sha256.Sum256([]byte(text.String()))
		hash, digest = crypto.SHA256, strong[:]
	}
	signature, err := rsa.SignPKCS1v15(nil, n.key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSNSOverHTTPS decides through notifications of a topic, with both versions of SNS's signature. Notifications of
// another topic and changed notifications are refused.
func TestSNSOverHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := newSNSSigner(t, w.dir)
	w.env = n.env
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows: {orders: {requests: {sqs: {queue: orders}}, notify: [], approvers: [ann@example.com]}}
webhooks: {topic: {sns: {topics: [%q]}}}
`, snsTopic)+w.stepFunctionsTarget()))
	post := func(body string, want int) {
		t.Helper()
		status, text, err := w.callUntilAnswered(t.Context(), "POST", "http://"+w.public+"/webhooks/topic", http.Header{}, body)
		if err != nil || status != want {
			t.Errorf("%d, want %d: %s %v", status, want, text, err)
		}
	}
	for _, version := range []string{"1", "2"} {
		s := w.requestApproval(t, "sns-"+version)
		if err := s.waitUntilRecorded(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		decision := fmt.Sprintf(`{"orderId": %q, "decision": "approve", "decidedBy": "ann@example.com"}`, s.order)
		good := n.notification(t, snsTopic, version, "m-"+version, decision)
		post(strings.Replace(good, `approve`, `reject`, 1), http.StatusUnauthorized)
		post(n.notification(t, snsTopic+"-of-others", version, "o-"+version, decision), http.StatusUnauthorized)
		post(good, http.StatusOK)
		post(good, http.StatusOK) // delivered twice
		w.checkDelivered(t, s)
		if v := s.readVotes(t, w); len(v) != 1 {
			t.Errorf("%+v", v)
		}
	}
}
