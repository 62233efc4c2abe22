package replicas

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
)

// startTable starts DynamoDB Local and returns the setting of its store, or skips the test if it is missing.
func startTable(t *testing.T) (store string) {
	t.Helper()
	s, err := dynamodbtest.Start(t.Context())
	if errors.Is(err, dynamodbtest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	return fmt.Sprintf("{dynamodb: {table: approvals, create: true, endpoint: %q}}", s.URL)
}

// startDatabase starts a PostgreSQL server that waits for its disk as in production, or skips the test if PostgreSQL is
// missing.
func startDatabase(t *testing.T) *postgrestest.Server {
	t.Helper()
	return postgrestest.Run(t, postgrestest.Options{Fsync: true})
}

func postgresStore(url string) (store string) { return fmt.Sprintf("{postgres: {url: %q}}", url) }

// startProxy starts a proxy in front of a server.
func startProxy(t *testing.T, server *postgrestest.Server) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
		"database", "127.0.0.1:0", server.Address)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

// faults lists faults of the network, as toxics of toxiproxy. The first three break the connections of all workers, so that
// answers to commits are lost.
var faults = []string{
	`{"name":"x","type":"reset_peer","stream":"downstream","attributes":{"timeout":10}}`,
	`{"name":"x","type":"reset_peer","stream":"upstream","attributes":{"timeout":5}}`,
	`{"name":"x","type":"limit_data","stream":"downstream","attributes":{"bytes":2000}}`,
	`{"name":"x","type":"latency","stream":"downstream","attributes":{"latency":40,"jitter":40}}`,
}

// disturb adds a fault to the network for some time.
func disturb(t *testing.T, p *toxiproxy.Proxy, fault int) {
	t.Helper()
	_, err := p.Toxics.AddToxicJson(strings.NewReader(faults[fault%len(faults)]))
	require.NoError(t, err)
	time.Sleep(200 * time.Millisecond) // the time of the fault
	require.NoError(t, p.Toxics.RemoveToxic(t.Context(), "x"))
}
