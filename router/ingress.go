package router

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// Ingress is the HTTP subscriber: a request becomes a message of a topic, and
// the fate of the message is the answer to the request. It is answered only
// after the handler has ended, so 2xx means that what was sent is stored.
type Ingress struct {
	closing chan struct{}
	once    sync.Once
	left    atomic.Int64 // room for bodies, in bytes

	mu     sync.Mutex
	topics map[string]chan *message.Message
	wg     sync.WaitGroup
}

// NewIngress returns an HTTP subscriber without topics.
func NewIngress() *Ingress {
	in := &Ingress{closing: make(chan struct{}), topics: map[string]chan *message.Message{}}
	in.left.Store(maxHeld)
	return in
}

// Subscribe implements message.Subscriber. A topic has one subscriber.
func (in *Ingress) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	source := in.topic(topic)
	in.wg.Go(func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case <-in.closing:
				return
			case msg := <-source:
				select {
				case out <- msg:
				case <-ctx.Done():
					msg.Nack()
					return
				case <-in.closing:
					msg.Nack()
					return
				}
			}
		}
	})
	return out, nil
}

func (in *Ingress) topic(name string) chan *message.Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.topics[name] == nil {
		in.topics[name] = make(chan *message.Message)
	}
	return in.topics[name]
}

// Close implements message.Subscriber: no more messages are taken.
func (in *Ingress) Close() error {
	in.once.Do(func() { close(in.closing) })
	in.wg.Wait()
	return nil
}

// errClosing says that the program is going down.
var errClosing = errors.New("going down")

// errBody is a body that could not be read to its end.
var errBody = errors.New("the body could not be read")

// MaxBody is the largest body of a request, in bytes: SQS's own limit.
const MaxBody = 1 << 20

// Check verifies a request before anything of it is parsed.
type Check func(header http.Header, body []byte) error

// Way is how the requests of one source are let in. The zero value lets in all.
type Way struct {
	// Check verifies a request; nil takes any.
	Check Check
	// Open verifies a request that is an envelope, and returns the message in it with
	// what the envelope says of it. A nil message was for us, and is dealt with. Its
	// error may pass unless it is made by Refused.
	Open func(ctx context.Context, body []byte) (payload []byte, meta map[string]string, err error)
	// TrustID says that what Check believes stands for the header webhook-id too. Where
	// only the body is signed, whoever saw a request could send it again as another.
	TrustID bool
	// MaxBody is the largest body, in bytes; 0 means MaxBody.
	MaxBody int64
	// Turn takes one of the turns that the source has, and says how long it must wait
	// where it has none left; nil has no end of them.
	Turn func() (wait time.Duration, ok bool)
}

// Refused marks the error of a credential or signature that is not right.
func Refused(err error) error {
	if err == nil {
		return nil
	}
	return &credentialError{err}
}

// Handler returns the handler whose requests become messages of a topic. The
// order ID in the path, if it has one, and the headers go along as metadata,
// credentials excepted.
func (in *Ingress) Handler(topic func(*http.Request) (string, error), check Check) http.Handler {
	return in.handler(topic, Way{Check: check, TrustID: true}) // a bearer's: all is the sender's
}

func (in *Ingress) handler(topic func(*http.Request) (string, error), way Way) http.Handler {
	if way.MaxBody <= 0 {
		way.MaxBody = MaxBody
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &held{ReadCloser: r.Body, left: &in.left}
		defer body.release()
		r.Body = body
		msg, name, err := in.admit(w, r, topic, way)
		if err != nil || msg == nil {
			answer(w, nil, err)
			return
		}
		fate := in.pass(r.Context(), name, msg)
		answer(w, fate.Body, fate.Err)
	})
}

// admit reads and verifies a request. The turns of a source are taken by what is
// its own only: a flood of others' requests leaves it all of them.
func (in *Ingress) admit(w http.ResponseWriter, r *http.Request, topic func(*http.Request) (string, error), way Way) (*message.Message, string, error) {
	name, err := topic(r)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, way.MaxBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); !large && !errors.Is(err, errFull) {
			err = errBody
		}
		return nil, "", err
	}
	if way.Check != nil {
		if err := way.Check(r.Header, body); err != nil {
			return nil, "", &credentialError{err}
		}
	}
	var meta map[string]string
	if way.Open != nil {
		if body, meta, err = way.Open(r.Context(), body); err != nil || body == nil {
			return nil, "", err
		}
	}
	if way.Turn != nil {
		if wait, ok := way.Turn(); !ok {
			return nil, "", &busyError{wait}
		}
	}
	msg := toMessage(r, body)
	if id := r.Header.Get("Webhook-Id"); id != "" && way.TrustID {
		msg.Metadata.Set(metadata.DeliveryID, id)
	}
	for k, v := range meta {
		msg.Metadata.Set(k, v)
	}
	return msg, name, nil
}

// pass gives the message to the topic's subscriber and waits for its fate.
func (in *Ingress) pass(ctx context.Context, topic string, msg *message.Message) handlers.Fate {
	var fate handlers.Fate
	msg.SetContext(handlers.WithFate(ctx, &fate))
	select {
	case in.topic(topic) <- msg:
	case <-in.closing:
		return handlers.Fate{Err: errClosing}
	case <-ctx.Done():
		return handlers.Fate{Err: ctx.Err()}
	}
	select {
	case <-msg.Acked():
		return fate
	case <-msg.Nacked():
		if fate.Err == nil { // never reached the handler
			fate.Err = errClosing
		}
		return fate
	case <-ctx.Done(): // the sender has gone; the message goes on
		return handlers.Fate{Err: ctx.Err()}
	}
}

// toMessage makes a message of a request.
func toMessage(r *http.Request, body []byte) *message.Message {
	msg := message.NewMessage(watermill.NewULID(), body)
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if name != "authorization" && name != "cookie" && len(values) > 0 {
			msg.Metadata.Set(metadata.Header+name, values[0])
		}
	}
	if id := r.PathValue("orderId"); id != "" {
		msg.Metadata.Set(metadata.OrderID, id)
	}
	return msg
}
