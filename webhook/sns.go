package webhook

import (
	"context"
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1, the default of SNS
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/setup"
)

// SNSConfig has the settings of a verifier, and its environment. A message of another topic is refused
// before anything is fetched on its behalf.
type SNSConfig struct {
	SNSSettings
	// Fetch gets the certificate at a URL that was checked; nil means a request to the host.
	Fetch func(ctx context.Context, url string) ([]byte, error)
}

// SNS verifies the requests of Amazon SNS to an HTTP or HTTPS subscription, signature versions 1 and 2
// (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
type SNS struct {
	topics   []string
	versions []string // of signatures
	fetch    func(ctx context.Context, url string) ([]byte, error)
	fetches  chan struct{} // a slot for each fetch that runs

	mu    sync.Mutex
	certs map[string]*x509.Certificate // by URL
}

// SNSMessage is a verified message.
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

const (
	// snsMaxAge is the maximum age of a message. SNS retries an HTTP endpoint for an hour, and the message keeps its
	// time of sending.
	snsMaxAge = time.Hour + 5*time.Minute
	// snsMaxAhead is how far the clock of SNS may be ahead of our clock.
	snsMaxAhead = 5 * time.Minute
)

// NewSNS returns a verifier for messages of the topics.
func NewSNS(c SNSConfig) (*SNS, error) {
	if len(c.Topics) == 0 {
		return nil, setup.NewFieldError("topics", "are missing")
	}
	for i, topic := range c.Topics {
		if _, err := certificateHost(topic); err != nil {
			return nil, setup.InField(fmt.Sprintf("topics[%d]", i), err)
		}
	}
	versions, err := signatureVersions(c.SignatureVersions)
	if err != nil {
		return nil, err
	}
	v := &SNS{
		topics:   c.Topics,
		versions: versions,
		fetch:    c.Fetch,
		fetches:  make(chan struct{}, maxFetches),
		certs:    map[string]*x509.Certificate{},
	}
	if v.fetch == nil {
		v.fetch = fetchCertificate
	}
	return v, nil
}

// signatureVersions returns the accepted versions as messages have them.
func signatureVersions(accepted []int) ([]string, error) {
	if len(accepted) == 0 {
		return []string{"1", "2"}, nil
	}
	versions := make([]string, len(accepted))
	for i, version := range accepted {
		if version != 1 && version != 2 {
			return nil, setup.NewFieldError("signature_versions"+indexText(i), "is %d; there are 1 and 2", version)
		}
		versions[i] = strconv.Itoa(version)
	}
	return versions, nil
}

// Open verifies a message and returns it. An error other than ErrMissing, ErrMalformed, ErrMismatch and ErrStale is
// temporary: the certificate could not be fetched.
func (v *SNS) Open(ctx context.Context, now time.Time, body []byte) (SNSMessage, error) {
	m, err := parseMembers(body)
	if err != nil {
		return SNSMessage{}, err
	}
	if !slices.Contains(v.topics, m["TopicArn"]) {
		return SNSMessage{}, refuse(refusal.Mismatch, "TopicArn", "the message is of a topic that is not in topics")
	}
	sent, err := time.Parse(time.RFC3339Nano, m["Timestamp"])
	if err != nil {
		return SNSMessage{}, refuse(refusal.Malformed, "Timestamp", "the member Timestamp of the message is not an RFC 3339 time")
	}
	if err := checkAge("Timestamp", "the member Timestamp of the message", now.Sub(sent), snsMaxAge, snsMaxAhead); err != nil {
		return SNSMessage{}, err
	}
	if err := v.verifySignature(ctx, now, m); err != nil {
		return SNSMessage{}, err
	}
	return newSNSMessage(m, sent), nil
}

func newSNSMessage(members map[string]string, sent time.Time) SNSMessage {
	return SNSMessage{
		Type:      members["Type"],
		TopicARN:  members["TopicArn"],
		ID:        members["MessageId"],
		Message:   members["Message"],
		Token:     members["Token"],
		Timestamp: sent,
	}
}

// ReadUnverified returns a message without checking its signature, which needs the certificate of SNS. It is only for
// showing a message, never for acting on it.
func ReadUnverified(body []byte) (SNSMessage, error) {
	m, err := parseMembers(body)
	if err != nil {
		return SNSMessage{}, err
	}
	sent, err := time.Parse(time.RFC3339Nano, m["Timestamp"])
	if err != nil {
		return SNSMessage{}, refuse(refusal.Malformed, "Timestamp", "the member Timestamp of the message is not an RFC 3339 time")
	}
	return newSNSMessage(m, sent), nil
}

func (v *SNS) verifySignature(ctx context.Context, now time.Time, m map[string]string) error {
	text, err := signedText(m)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(m["Signature"])
	if err != nil || len(signature) == 0 {
		return refuse(refusal.Malformed, "Signature", "the member Signature of the message is missing or not base64")
	}
	var hash crypto.Hash
	var digest []byte
	switch version := m["SignatureVersion"]; {
	case version == "1" && fips140.Enforced():
		return refuse(refusal.Malformed, "SignatureVersion",
			"the member SignatureVersion of the message is 1 (SHA-1), which GODEBUG=fips140=only does not admit: set it to 2 for the topic")
	case version == "1":
		sum := sha1.Sum(text) //nolint:gosec // signature version 1, the default of SNS
		hash, digest = crypto.SHA1, sum[:]
	case version == "2":
		sum := sha256.Sum256(text)
		hash, digest = crypto.SHA256, sum[:]
	default:
		return refuse(refusal.Malformed, "SignatureVersion", "the member SignatureVersion of the message is not 1 or 2")
	}
	if !slices.Contains(v.versions, m["SignatureVersion"]) {
		return refuse(refusal.Mismatch, "SignatureVersion",
			"the message has a signature of version %s, which signature_versions leaves out: the topic has an attribute for it",
			m["SignatureVersion"])
	}
	cert, err := v.certificate(ctx, now, m["TopicArn"], m["SigningCertURL"])
	if err != nil {
		return err
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || rsa.VerifyPKCS1v15(key, hash, digest, signature) != nil {
		return refuse(refusal.Mismatch, "Signature", "the member Signature of the message does not match its content")
	}
	return nil
}
