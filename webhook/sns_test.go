package webhook

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	snsTopic = "arn:aws:sns:eu-west-1:111122223333:decisions"
	certURL  = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem"
)

var snsNow = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// notary signs messages as SNS does, with a certificate of its own.
type notary struct {
	key     *rsa.PrivateKey
	pem     []byte
	fetched []string
	fail    error
}

func newNotary(t *testing.T) *notary {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore:    snsNow.Add(-time.Hour),
		NotAfter:     snsNow.Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	require.NoError(t, err)
	return &notary{key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (n *notary) fetch(_ context.Context, url string) ([]byte, error) {
	n.fetched = append(n.fetched, url)
	return n.pem, n.fail
}

func (n *notary) verifier(t *testing.T) *SNS {
	t.Helper()
	v, err := NewSNS(SNSConfig{SNSSettings: SNSSettings{Topics: []string{snsTopic}}, Fetch: n.fetch})
	require.NoError(t, err)
	return v
}

// message returns a signed message like the example in the documentation.
func (n *notary) message(kind, version string, change ...func(map[string]string)) map[string]string {
	m := map[string]string{
		"Type":             kind,
		"MessageId":        "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
		"TopicArn":         snsTopic,
		"Message":          `{"orderId":"A-1","decision":"approve"}`,
		"Timestamp":        snsNow.Add(-time.Second).Format("2006-01-02T15:04:05.000Z"),
		"SignatureVersion": version,
		"SigningCertURL":   certURL,
	}
	if kind == SNSNotification {
		m["Subject"], m["UnsubscribeURL"] = "A decision", "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe"
	} else {
		m["Token"], m["SubscribeURL"] = "2336412f37", "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
	}
	for _, f := range change {
		f(m)
	}
	n.sign(m)
	return m
}

func (n *notary) sign(m map[string]string) {
	text, err := signedText(m)
	if err != nil {
		return
	}
	sum1, sum2 := sha1.Sum(text), sha256.Sum256(text)
	hash, sum := crypto.SHA1, sum1[:]
	if m["SignatureVersion"] == "2" {
		hash, sum = crypto.SHA256, sum2[:]
	}
	s, _ := rsa.SignPKCS1v15(nil, n.key, hash, sum)
	m["Signature"] = base64.StdEncoding.EncodeToString(s)
}

func encoded(m map[string]string) []byte {
	b, _ := json.Marshal(m)
	return b
}

func TestSNS(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	v := n.verifier(t)
	for _, version := range []string{"1", "2"} {
		for _, kind := range []string{SNSNotification, SNSConfirmation, SNSUnsubscribed} {
			got, err := v.Open(t.Context(), snsNow, encoded(n.message(kind, version)))
			require.NoError(t, err, "%s %s", kind, version)
			require.Equal(t, kind, got.Type)
			require.Equal(t, snsTopic, got.TopicARN)
			require.JSONEq(t, `{"orderId":"A-1","decision":"approve"}`, got.Message)
			require.Equal(t, kind != SNSNotification, got.Token != "")
		}
	}
	plain := n.message(SNSNotification, "1", func(m map[string]string) { delete(m, "Subject") })
	_, err := v.Open(t.Context(), snsNow, encoded(plain))
	require.NoError(t, err, "without a subject")
	require.Equal(t, []string{certURL}, n.fetched, "once")
}

// TestSNSChanged holds that a change of any signed member is found.
func TestSNSChanged(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	v := n.verifier(t)
	for _, kind := range []string{SNSNotification, SNSConfirmation} {
		for _, name := range signedMembers[kind] {
			m := n.message(kind, "2")
			if name == "Timestamp" {
				m[name] = snsNow.Format("2006-01-02T15:04:05.000Z")
			} else {
				m[name] += "x"
			}
			_, err := v.Open(t.Context(), snsNow, encoded(m))
			require.Error(t, err, "%s %s", kind, name)
			require.True(t, errors.Is(err, ErrMismatch) || errors.Is(err, ErrMalformed), "%s: %v", name, err)
			m = n.message(kind, "2")
			delete(m, name)
			_, err = v.Open(t.Context(), snsNow, encoded(m))
			require.Error(t, err, "%s without %s", kind, name)
		}
	}
	other := newNotary(t)
	_, err := v.Open(t.Context(), snsNow, encoded(other.message(SNSNotification, "1")))
	require.ErrorIs(t, err, ErrMismatch, "the key of another sender")
}

func TestSNSRefuses(t *testing.T) {
	t.Parallel()
	member := func(name, value string) func(map[string]string) {
		return func(m map[string]string) { m[name] = value }
	}
	replace := func(part, by string) func(map[string]string) {
		return member("SigningCertURL", strings.Replace(certURL, part, by, 1))
	}
	for name, tc := range map[string]struct {
		change func(map[string]string)
		want   error
	}{
		"another topic":        {member("TopicArn", "arn:aws:sns:eu-west-1:111122223333:other"), ErrMismatch},
		"another host":         {replace(".amazonaws.com", ".example.com"), ErrMismatch},
		"another domain":       {replace("amazonaws.com", "amazonaws.com.evil.example"), ErrMismatch},
		"another region":       {replace("eu-west-1", "us-east-1"), ErrMismatch},
		"no TLS":               {replace("https", "http"), ErrMismatch},
		"a port":               {replace(".com/", ".com:8443/"), ErrMismatch},
		"a user at the host":   {replace("sns.", "x@sns."), ErrMismatch},
		"a query":              {replace(".pem", ".pem?x"), ErrMismatch},
		"an encoded path":      {replace("/Simple", "/%53imple"), ErrMismatch},
		"another path":         {member("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/?Action=ListTopics"), ErrMismatch},
		"another version":      {member("SignatureVersion", "3"), ErrMalformed},
		"another type":         {member("Type", "Greeting"), ErrMalformed},
		"old":                  {member("Timestamp", snsNow.Add(-2*time.Hour).Format(time.RFC3339)), ErrStale},
		"from the future":      {member("Timestamp", snsNow.Add(time.Hour).Format(time.RFC3339)), ErrStale},
		"a malformed time":     {member("Timestamp", "yesterday"), ErrMalformed},
		"a name in other case": {member("topicarn", "arn:aws:sns:eu-west-1:111122223333:other"), ErrMalformed},
	} {
		n := newNotary(t)
		_, err := n.verifier(t).Open(t.Context(), snsNow, encoded(n.message(SNSNotification, "2", tc.change)))
		require.ErrorIs(t, err, tc.want, name)
		if tc.want == ErrMismatch { //nolint:errorlint // one of ours
			require.Empty(t, n.fetched, "%s: its certificate is not fetched", name)
		}
	}
	n := newNotary(t)
	v := n.verifier(t)
	good := string(encoded(n.message(SNSNotification, "2")))
	for name, body := range map[string]string{
		"a member twice": strings.Replace(good, `{`, `{"Message":"other",`, 1),
		"no object":      `[]`,
		"cut":            good[:50],
		"two":            good + good,
		"nothing":        "",
	} {
		_, err := v.Open(t.Context(), snsNow, []byte(body))
		require.ErrorIs(t, err, ErrMalformed, name)
	}
	bad := n.message(SNSNotification, "2")
	bad["Signature"] = "%"
	_, err := v.Open(t.Context(), snsNow, encoded(bad))
	require.ErrorIs(t, err, ErrMalformed)
	_, err = v.Open(t.Context(), snsNow.Add(60*24*time.Hour), encoded(n.message(SNSNotification, "2", func(m map[string]string) {
		m["Timestamp"] = snsNow.Add(60 * 24 * time.Hour).Format(time.RFC3339)
	})))
	require.ErrorIs(t, err, ErrStale, "the certificate has expired")
}

// TestSNSCertificateOutOfReach holds that a failed fetch is temporary: it is not a reason to refuse the message.
func TestSNSCertificateOutOfReach(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	v, good := n.verifier(t), n.pem
	for _, answer := range []struct {
		err error
		pem string
	}{
		{errors.New("503"), ""},
		{nil, "<html>"},
		{nil, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
	} {
		n.fail, n.pem = answer.err, []byte(answer.pem)
		_, err := v.Open(t.Context(), snsNow, encoded(n.message(SNSNotification, "1")))
		require.Error(t, err)
		for _, reason := range []error{ErrMissing, ErrMalformed, ErrMismatch, ErrStale} {
			require.NotErrorIs(t, err, reason)
		}
	}
	n.fail, n.pem = nil, good
	_, err := v.Open(t.Context(), snsNow, encoded(n.message(SNSNotification, "1")))
	require.NoError(t, err)
}

func TestNewSNS(t *testing.T) {
	t.Parallel()
	for _, topics := range [][]string{
		nil, {"orders"}, {"arn:aws:sqs:eu-west-1:1:x"}, {"arn:aws:sns:evil.example/:1:x"}, {"arn:aws:sns:eu-west-1:1:"},
	} {
		_, err := NewSNS(SNSConfig{SNSSettings: SNSSettings{Topics: topics}})
		require.Error(t, err)
	}
	host, err := certificateHost("arn:aws-cn:sns:cn-north-1:1:x")
	require.NoError(t, err)
	require.Equal(t, "sns.cn-north-1.amazonaws.com.cn", host)
	host, err = certificateHost("arn:aws-us-gov:sns:us-gov-west-1:1:x")
	require.NoError(t, err)
	require.Equal(t, "sns.us-gov-west-1.amazonaws.com", host)
}

// TestSNSFloodOfCertificates holds that a sender who knows a topic can make us fetch only a few wrong certificates at
// a time. Other messages wait for a slot meanwhile.
func TestSNSFloodOfCertificates(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	forged := func(i int) []byte {
		return encoded(n.message(SNSNotification, "2", func(m map[string]string) {
			m["SigningCertURL"] = fmt.Sprintf("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-%016x.pem", i)
		}))
	}
	synctest.Test(t, func(t *testing.T) {
		running, peak := 0, 0
		var mu sync.Mutex
		v, err := NewSNS(SNSConfig{SNSSettings: SNSSettings{Topics: []string{snsTopic}}, Fetch: func(_ context.Context, url string) ([]byte, error) {
			mu.Lock()
			running++
			peak = max(peak, running)
			mu.Unlock()
			time.Sleep(4 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			running--
			n.fetched = append(n.fetched, url)
			if url != certURL {
				return nil, errors.New("404")
			}
			return n.pem, nil
		}})
		require.NoError(t, err)
		open := func(body []byte) error { _, err := v.Open(t.Context(), snsNow, body); return err }
		errs := make(chan error, 100)
		for range 20 {
			go func() { errs <- open(encoded(n.message(SNSNotification, "2"))) }()
		}
		for range 20 {
			require.NoError(t, <-errs)
		}
		require.LessOrEqual(t, len(n.fetched), maxFetches, "the others wait, and then use the cached certificate")
		for i := range 20 {
			go func() { errs <- open(forged(i)) }()
		}
		refused := 0
		for range 20 {
			err := <-errs
			require.Error(t, err)
			for _, reason := range []error{ErrMissing, ErrMalformed, ErrMismatch, ErrStale} {
				require.NotErrorIs(t, err, reason, "the failure is temporary")
			}
			if strings.Contains(err.Error(), "too many") {
				refused++
			}
		}
		require.Equal(t, maxFetches, peak)
		require.Equal(t, 20-2*maxFetches, refused)
		require.NoError(t, open(encoded(n.message(SNSNotification, "2"))))
	})
}

func FuzzSNS(f *testing.F) {
	f.Add([]byte(`{"Type":"Notification","TopicArn":"` + snsTopic + `","Message":"x","MessageId":"1",` +
		`"Timestamp":"2026-03-02T09:30:00Z","SignatureVersion":"1","Signature":"AAAA","SigningCertURL":"` + certURL + `"}`))
	v, err := NewSNS(SNSConfig{SNSSettings: SNSSettings{Topics: []string{snsTopic}},
		Fetch: func(context.Context, string) ([]byte, error) { return nil, errors.New("unreachable") },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, err := v.Open(t.Context(), snsNow, body); err == nil {
			t.Errorf("accepted: %+v", m)
		}
		if m, err := parseMembers(body); err == nil {
			again, err := parseMembers(encoded(m))
			if err != nil || !maps.Equal(m, again) {
				t.Errorf("%v, %v", m, again)
			}
		}
	})
}

// A source that takes version 2 only refuses SHA-1 before anything is fetched.
func TestSNSSignatureVersions(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	v, err := NewSNS(SNSConfig{SNSSettings: SNSSettings{Topics: []string{snsTopic}, SignatureVersions: []int{2}}, Fetch: n.fetch})
	require.NoError(t, err)
	_, err = v.Open(t.Context(), snsNow, encoded(n.message(SNSNotification, "1")))
	require.ErrorIs(t, err, ErrMismatch)
	require.ErrorContains(t, err, "signature_versions")
	require.Empty(t, n.fetched)
	_, err = v.Open(t.Context(), snsNow, encoded(n.message(SNSNotification, "2")))
	require.NoError(t, err)
	for _, bad := range [][]int{{0}, {1, 3}} {
		_, err := NewSNS(SNSConfig{SNSSettings: SNSSettings{Topics: []string{snsTopic}, SignatureVersions: bad}})
		require.ErrorContains(t, err, "signature_versions[")
	}
}
