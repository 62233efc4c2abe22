package webhook

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1, which SNS has by default
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// SNSConfig says whose messages are taken.
type SNSConfig struct {
	// Topics are the ARNs of the topics that may send. A message of another is
	// refused before anything is fetched on its behalf.
	Topics []string
	// Fetch gets the certificate of a URL that was found good; nil asks the host.
	Fetch func(ctx context.Context, url string) ([]byte, error)
}

// SNS verifies what Amazon SNS posts to an HTTP or HTTPS subscription, signature
// versions 1 and 2
// (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
type SNS struct {
	topics   []string
	fetch    func(ctx context.Context, url string) ([]byte, error)
	fetching chan struct{} // has room for those that are fetched now

	mu    sync.Mutex
	certs map[string]*x509.Certificate // by URL
}

// SNSMessage is a message that SNS sent.
type SNSMessage struct {
	Type      string // SNSNotification, SNSConfirmation or SNSUnsubscribed
	TopicARN  string
	ID        string
	Message   string
	Token     string // of a confirmation
	Timestamp time.Time
}

// The types of messages.
const (
	SNSNotification = "Notification"
	SNSConfirmation = "SubscriptionConfirmation"
	SNSUnsubscribed = "UnsubscribeConfirmation"
)

// snsTolerance is how far the time of sending may be from ours: SNS tries an HTTP
// endpoint again for an hour, and the message keeps its time.
const snsTolerance = time.Hour + 5*time.Minute

// NewSNS returns a verifier for messages of those topics.
func NewSNS(c SNSConfig) (*SNS, error) {
	if len(c.Topics) == 0 {
		return nil, errors.New("topics: are missing")
	}
	for i, topic := range c.Topics {
		if _, err := certificateHost(topic); err != nil {
			return nil, fmt.Errorf("topic %d: %w", i+1, err)
		}
	}
	v := &SNS{
		topics:   c.Topics,
		fetch:    c.Fetch,
		fetching: make(chan struct{}, maxFetches),
		certs:    map[string]*x509.Certificate{},
	}
	if v.fetch == nil {
		v.fetch = fetchCertificate
	}
	return v, nil
}

// Open verifies a message and returns it. An error that is none of ErrMissing,
// ErrMalformed, ErrMismatch and ErrStale may pass: the certificate could not be
// fetched.
func (v *SNS) Open(ctx context.Context, now time.Time, body []byte) (SNSMessage, error) {
	m, err := readSNS(body)
	if err != nil {
		return SNSMessage{}, err
	}
	if !slices.Contains(v.topics, m["TopicArn"]) {
		return SNSMessage{}, fmt.Errorf("topic: %w", ErrMismatch)
	}
	sent, err := time.Parse(time.RFC3339Nano, m["Timestamp"])
	if err != nil {
		return SNSMessage{}, fmt.Errorf("member Timestamp: %w", ErrMalformed)
	}
	if d := now.Sub(sent); d > snsTolerance || d < -5*time.Minute {
		return SNSMessage{}, ErrStale
	}
	if err := v.verify(ctx, now, m); err != nil {
		return SNSMessage{}, err
	}
	return SNSMessage{
		Type:      m["Type"],
		TopicARN:  m["TopicArn"],
		ID:        m["MessageId"],
		Message:   m["Message"],
		Token:     m["Token"],
		Timestamp: sent,
	}, nil
}

// readSNS reads the members of a message, all of them texts. A member that comes
// twice, or in two cases, is read differently by different readers: it is refused.
func readSNS(body []byte) (map[string]string, error) {
	in := json.NewDecoder(bytes.NewReader(body))
	malformed := fmt.Errorf("message: %w", ErrMalformed)
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return nil, malformed
	}
	m, folded := map[string]string{}, map[string]bool{}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, malformed
		}
		text, _ := name.(string)
		var value json.RawMessage
		if err := in.Decode(&value); err != nil || folded[strings.ToLower(text)] {
			return nil, malformed
		}
		folded[strings.ToLower(text)] = true
		var s string
		if json.Unmarshal(value, &s) == nil { // MessageAttributes is none, and not signed
			m[text] = s
		}
	}
	if _, err := in.Token(); err != nil {
		return nil, malformed
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed
	}
	for name := range m {
		for _, known := range slices.Concat(signedMembers[SNSNotification], signedMembers[SNSConfirmation], []string{"Signature", "SignatureVersion", "SigningCertURL"}) {
			if name != known && strings.EqualFold(name, known) {
				return nil, malformed
			}
		}
	}
	return m, nil
}

// signedMembers are what is signed, in this order. Subject only where there is one.
var signedMembers = map[string][]string{
	SNSNotification: {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"},
	SNSConfirmation: {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
	SNSUnsubscribed: {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
}

// signedText is the text that is signed.
func signedText(m map[string]string) ([]byte, error) {
	members, known := signedMembers[m["Type"]]
	if !known {
		return nil, fmt.Errorf("member Type: %w", ErrMalformed)
	}
	var b bytes.Buffer
	for _, name := range members {
		value, found := m[name]
		if !found && name == "Subject" {
			continue
		}
		if !found {
			return nil, fmt.Errorf("%s: %w", name, ErrMissing)
		}
		b.WriteString(name + "\n" + value + "\n")
	}
	return b.Bytes(), nil
}

func (v *SNS) verify(ctx context.Context, now time.Time, m map[string]string) error {
	text, err := signedText(m)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(m["Signature"])
	if err != nil || len(signature) == 0 {
		return fmt.Errorf("member Signature: %w", ErrMalformed)
	}
	var hash crypto.Hash
	var sum []byte
	switch m["SignatureVersion"] {
	case "1":
		s := sha1.Sum(text) //nolint:gosec // see above
		hash, sum = crypto.SHA1, s[:]
	case "2":
		s := sha256.Sum256(text)
		hash, sum = crypto.SHA256, s[:]
	default:
		return fmt.Errorf("member SignatureVersion: %w", ErrMalformed)
	}
	cert, err := v.certificate(ctx, now, m["TopicArn"], m["SigningCertURL"])
	if err != nil {
		return err
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || rsa.VerifyPKCS1v15(key, hash, sum, signature) != nil {
		return ErrMismatch
	}
	return nil
}
