package ledger

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"time"

	"github.com/approval-relay/approval-relay/keys"
)

// member is a worker: its configuration, and the process that runs it now.
type member struct {
	config   string // path
	public   string // host:port
	operator string
	proc     *process // guarded by the mutex of the world; nil before the first start
}

// addMembers writes the configurations of the members. If there are several, clients reach them through balancers.
func (w *world) addMembers(n int) {
	hook := w.startReceiver()
	for i := range n {
		w.members = append(w.members, &member{
			config:   filepath.Join(w.dir, fmt.Sprintf("relay%d.yaml", i)),
			public:   freeAddress(w.tb),
			operator: freeAddress(w.tb),
		})
	}
	w.public = w.balance(func(m *member) string { return m.public })
	w.operator = w.balance(func(m *member) string { return m.operator })
	for _, m := range w.members {
		w.writeConfig(m, hook)
	}
	if w.settings.database != nil { // the members share the keys, so none of them makes any
		if err := keys.NewRing(time.Now()).CreateFile(w.keyFile()); err != nil {
			w.tb.Fatal(err)
		}
	}
}

func (w *world) keyFile() string { return filepath.Join(w.dir, "keys") }

func (w *world) processOf(m *member) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return m.proc
}

func (w *world) anyMember() *member { return w.members[rand.IntN(len(w.members))] }

func (p *process) isRunning() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// balance returns an address at which the members can be reached: that of the only one, or that of a balancer.
func (w *world) balance(addressOf func(*member) string) string {
	if len(w.members) == 1 {
		return addressOf(w.members[0])
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.passToMember(client, addressOf)
		}
	}()
	return listener.Addr().String()
}

// passToMember passes a connection to a member that accepts it.
func (w *world) passToMember(client net.Conn, addressOf func(*member) string) {
	defer func() { _ = client.Close() }()
	for _, i := range rand.Perm(len(w.members)) {
		server, err := net.Dial("tcp", addressOf(w.members[i]))
		if err != nil {
			continue
		}
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		}()
		_, _ = io.Copy(client, server) // until one of them ends
		_ = server.Close()
		return
	}
}
