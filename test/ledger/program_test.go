package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// process is a run of the program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// lockedBuffer is a buffer for concurrent writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// buildDirs are the folders of the programs that were built for several runs.
var buildDirs []string

// buildOnce builds the unchanged program, and buildImpatient the one of impatientEdits, once for all runs. They return its
// path.
var (
	buildOnce      = sync.OnceValues(func() (string, error) { return buildFor(nil) })
	buildImpatient = sync.OnceValues(func() (string, error) { return buildFor(impatientEdits()) })
)

func buildFor(edits []overlay.Edit) (string, error) {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return "", err
	}
	buildDirs = append(buildDirs, dir)
	return overlay.Build(dir, "cmd/approval-relay", edits...)
}

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy logs through the global logger
	status := m.Run()
	for _, dir := range buildDirs {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// binaryUnderTest returns the path of the program to test.
func binaryUnderTest(tb testing.TB) string {
	tb.Helper()
	if *binaryFlag != "" {
		return *binaryFlag
	}
	bin, err := buildOnce()
	if err != nil {
		tb.Fatal(err)
	}
	return bin
}

func (w *world) writeConfig(m *member, hook string) {
	rate, burst := w.settings.rate, w.settings.burst
	if rate == 0 {
		rate, burst = 20000, 20000
	}
	text := fmt.Sprintf(`
log: {level: info}
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {ledger: %q}, api_tokens: {ledger: %q, shop: %q}}
store: %s
keys: {file: %q}
aws: {region: us-east-1, endpoint: "http://%s"}
shutdown: {timeout: %s}
workflows:
  orders:
    requests: {sqs: {queue: orders, dead_letter_queue: orders-dead, visibility: 4s}}
    notify: [hook]
    margin: 5s
    callback: {retry: {base: 50ms, cap: 1s}}
  %s:
    requests: {sqs: {queue: %s, dead_letter_queue: orders-dead, visibility: 4s}}
    notify: [hook]
    margin: 5s
    heartbeat: %s
    callback: {retry: {base: 50ms, cap: 1s}}
decisions:
  topic: {topic: "arn:aws:sns:us-east-1:000000000000:decisions", sqs: {queue: decisions, visibility: 4s}}
webhooks:
  erp: {bearer: {tokens: [%q]}}
channels:
  hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}
targets:
  stepfunctions: {stepfunctions: {endpoint: "http://%s", rate: %d, burst: %d}}
`, m.public, w.public, m.operator, operatorToken, apiToken, askToken, w.storeSetting(), w.keyFile(),
		w.sqsProxy.Listen, shutdownTimeout, storyWorkflow, storyWorkflow, cmp.Or(w.settings.interval, storyInterval), hookToken, hook, signingSecret, w.stepsProxy.Listen, rate, burst)
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) databasePath() string { return filepath.Join(w.dir, "relay.db") }

// storeSetting returns the setting store.
func (w *world) storeSetting() string {
	if w.settings.database != nil {
		return w.settings.database.setting()
	}
	return fmt.Sprintf("{sqlite: %q}", w.databasePath())
}

// startProgram starts the members that do not run and waits until they are ready.
func (w *world) startProgram() error {
	for _, m := range w.members {
		if w.processOf(m).isRunning() {
			continue
		}
		if err := w.startMember(m); err != nil {
			return err
		}
	}
	return nil
}

// environment returns the environment of the program, with credentials that the emulators take.
func environment() []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
}

func (w *world) startMember(m *member) error {
	p := &process{cmd: exec.Command(w.binary, "run", "--config.file="+m.config), done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Stdout = &w.logs
	p.cmd.Stderr = &w.logs
	p.cmd.Env = append(environment(), w.settings.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // the program ends with the test process
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	w.mu.Lock()
	m.proc = p
	w.starts++
	w.mu.Unlock()
	w.tb.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	end := time.Now().Add(w.patience())
	for time.Now().Before(end) {
		select {
		case <-p.done:
			return fmt.Errorf("the program ended: %w\n%s%s", p.err, w.reasonsOfEnd(), lastOf(w.logs.String()))
		case <-time.After(10 * time.Millisecond):
		}
		if w.isMemberReady(m) {
			return nil
		}
	}
	return fmt.Errorf("the program is not ready\n%s", lastOf(w.logs.String()))
}

func (w *world) isReady() bool { return w.isMemberReady(w.members[0]) }

func (w *world) isMemberReady(m *member) bool {
	status, _, err := w.callOnce(context.Background(), "GET", "http://"+m.operator+"/readyz", "", "")
	return err == nil && status == http.StatusOK
}

// currentProcess returns the process of the first member.
func (w *world) currentProcess() *process { return w.processOf(w.members[0]) }

// killProgram ends a member with SIGKILL.
func (w *world) killProgram() {
	p := w.processOf(w.anyMember())
	_ = p.cmd.Process.Kill()
	<-p.done
}

// terminateProgram ends a member with SIGTERM, as a deployment does. It must end within its time limit and without an
// error.
func (w *world) terminateProgram() error { return w.terminateMember(w.anyMember()) }

func (w *world) terminateMember(m *member) error {
	p := w.processOf(m)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(shutdownTimeout + 30*time.Second): // a busy machine may need more
		return errors.New("it did not end within its time limit")
	}
	if p.err != nil {
		return fmt.Errorf("it ended with %w", p.err)
	}
	return nil
}

// reasonsOfEnd returns the lines in which the command states why it ends.
func (w *world) reasonsOfEnd() string {
	var out strings.Builder
	for line := range strings.Lines(w.logs.String()) {
		if strings.HasPrefix(line, "approval-relay: ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func lastOf(s string) string {
	if len(s) > 3000 {
		s = s[len(s)-3000:]
	}
	return s
}
