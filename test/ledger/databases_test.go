package ledger

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// database is a server in place of the SQLite file. Several workers can use it.
type database interface {
	// setting returns the setting store.
	setting() string
	// network returns the proxy in front of the server.
	network() *toxiproxy.Proxy
	// readTables reads the bytes of all tables.
	readTables(places map[string]string) error
	// isLeftByKill reports whether a line of store check is about something that a killed worker may leave.
	isLeftByKill(line string) bool
}

func startDatabaseProxy(t *testing.T, address string) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
		"database", "127.0.0.1:0", address)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// checkStore lets the program compare everything that the database has with the records of the orders.
func (w *world) checkStore(v *violations) {
	out, err := w.runStoreCheck()
	for line := range strings.Lines(out) {
		if err != nil && !w.settings.database.isLeftByKill(line) && !strings.HasPrefix(line, "approval-relay: ") {
			v.addf("store check: %v: %s", err, line)
		}
	}
	if err == nil {
		return
	}
	if out, err := w.runStoreCheck("--fix"); err != nil {
		v.addf("store check --fix: %v: %s", err, out)
	}
	if out, err := w.runStoreCheck(); err != nil {
		v.addf("store check after a fix: %v: %s", err, out)
	}
}

func (w *world) runStoreCheck(options ...string) (string, error) {
	check := exec.Command(w.binary, append([]string{"store", "check", w.members[0].config}, options...)...)
	check.Env = environment()
	out, err := check.CombinedOutput()
	return string(out), err
}

// proxies returns the proxies that stand for the networks of the program.
func (w *world) proxies() []*toxiproxy.Proxy {
	all := []*toxiproxy.Proxy{w.sqsProxy, w.stepsProxy}
	if w.settings.database != nil {
		all = append(all, w.settings.database.network())
	}
	return all
}

// impatientEdits shorten the leases, and the time after which the other workers take over the shards of a killed worker. Only
// when the leases have expired, the other workers make the attempts of a killed worker again, and the attempts with ends that
// the database has lost. The task must still be open then, also if the next worker is killed too.
func impatientEdits() []overlay.Edit {
	const (
		wiring = "app/app.go"
		tables = "store/dynamodb/"
	)
	return []overlay.Edit{
		{File: wiring, Old: "actionLease = 30 * time.Second", New: "actionLease = 5 * time.Second"},
		{File: wiring, Old: "sweepLease = 20 * time.Second", New: "sweepLease = 4 * time.Second"},
		{File: wiring, Old: "callTimeout = 10 * time.Second", New: "callTimeout = 2 * time.Second"},
		{File: tables + "members.go", Old: "beatInterval = 10 * time.Second", New: "beatInterval = time.Second"},
		{File: tables + "claim.go", Old: "scanInterval = 10 * time.Second", New: "scanInterval = time.Second"},
	}
}
