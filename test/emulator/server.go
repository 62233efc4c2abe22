// Package emulator contains small, strict counterparts of the AWS services that the relay calls: SQS, SNS, EventBridge,
// and the callbacks of Step Functions, Lambda durable functions and CodePipeline. They listen on loopback and speak AWS's
// protocols, so that the demo, tests and benchmarks use the real SDK. They keep all data in memory and do not verify
// signatures, so they must not be used for anything else.
package emulator

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Region and Account are part of every ARN and queue URL.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

// Server serves all emulated services at one endpoint.
type Server struct {
	StepFunctions *StepFunctions
	SQS           *SQS
	SNS           *SNS
	Lambda        *Lambda
	CodePipeline  *CodePipeline
	EventBridge   *EventBridge

	http     *http.Server
	listener net.Listener
	// life ends with Close. Work that a caller cannot stop by closing its connection uses it.
	life            context.Context //nolint:containedctx // the server's own life, not a request's
	stop            context.CancelFunc
	served          chan struct{} // closed when the listener accepts no more connections
	openConnections sync.WaitGroup
}

// Start starts a server on a free port of the loopback interface.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	return startServer(l), nil
}

func startServer(l net.Listener) *Server {
	life, stop := context.WithCancel(context.Background())
	s := &Server{
		StepFunctions: NewStepFunctions(),
		SQS:           NewSQS(),
		listener:      l,
		life:          life,
		stop:          stop,
		served:        make(chan struct{}),
	}
	s.SNS = NewSNS(s.SQS)
	s.Lambda = NewLambda()
	s.CodePipeline = NewCodePipeline()
	s.EventBridge = NewEventBridge()
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ConnState:         s.countConnections,
		BaseContext:       func(net.Listener) context.Context { return life },
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // returns after Close
	}()
	return s
}

// countConnections keeps the number of open connections, so that Close can wait for them.
func (s *Server) countConnections(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.openConnections.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.openConnections.Done()
	case http.StateActive, http.StateIdle:
	}
}

// URL returns the endpoint of all services.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close stops the server. It closes every connection, including those of long polls, and returns after the last
// handler has ended.
func (s *Server) Close() error {
	err := s.http.Close() // first, so that waiting calls are cut and not answered
	s.stop()
	<-s.served
	s.openConnections.Wait()
	return err
}

// ServeHTTP implements http.Handler. SQS and Step Functions use AWS JSON 1.0 with a target header, CodePipeline and
// EventBridge use AWS JSON 1.1, Lambda uses REST, and SNS uses the query protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	if strings.HasPrefix(r.URL.Path, lambdaPath) {
		s.Lambda.serveCall(s, w, r, body)
		return
	}
	service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "AWSStepFunctions":
		s.StepFunctions.serveCall(s.life, w, action, body)
	case "CodePipeline_20150709":
		s.CodePipeline.serveCall(w, action, body)
	case "AWSEvents":
		s.EventBridge.serveCall(w, action, body)
	case "AmazonSQS":
		s.SQS.serveCall(r.Context(), w, "http://"+r.Host, action, body)
	case "":
		s.SNS.serveQuery(w, body)
	default:
		http.Error(w, "no such service", http.StatusNotFound)
	}
}

// apiError is an error in the form of AWS's JSON protocols.
type apiError struct {
	Code    string // such as TaskTimedOut
	Message string
	Status  int // 400 if 0
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func newAPIError(code, format string, args ...any) *apiError {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// writeAnswer writes the result of an action, or its error.
func writeAnswer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	if e, ok := errors.AsType[*apiError](err); ok {
		code := e.Code
		if i := strings.LastIndex(code, "#"); i >= 0 {
			code = code[i+1:]
		}
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(max(e.Status, http.StatusBadRequest))
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": e.Code, "message": e.Message})
		return
	}
	if out == nil {
		out = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// waitFor waits for d, or until the context ends.
func waitFor(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
