package operate

import (
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// partsOfBinary has the most code that the program may have of a library, in kB, by the beginning of its packages' paths: a
// tenth more than it has on amd64. A library that is not here may have 100 kB. If a part grows, look for its cause before the
// number: a method of the SDK's client that a type now keeps alive (see outbound.OperationNames), or a package that a small
// helper brings along. docs/sizing.md has the sizes for readers.
var partsOfBinary = map[string]int{
	"github.com/approval-relay/":               4700,
	"github.com/aws/":                          4800,
	"modernc.org/":                             2450, // SQLite
	"cel.dev/":                                 1800,
	"github.com/antlr4-go/":                    250, // CEL's parser
	"go.yaml.in/":                              225, // CEL's settings, which the linker keeps
	"google.golang.org/protobuf":               1000,
	"google.golang.org/genproto":               50, // CEL's descriptors
	"github.com/jackc/":                        1500,
	"go.opentelemetry.io/":                     520,
	"github.com/goccy/":                        380, // YAML
	"golang.org/x/":                            370,
	"github.com/prometheus/":                   280,
	"github.com/alecthomas/kong":               245,
	"github.com/wneessen/":                     185, // SMTP
	"github.com/go-jose":                       145, // OpenID Connect
	"github.com/slack-go/":                     85,  // blocks without the client
	"github.com/aws/smithy-go/":                350,
	"github.com/aws/aws-sdk-go-v2/service/sts": 400,
	"google.golang.org/grpc":                   0,
	"github.com/grpc-ecosystem":                0,
	"github.com/gorilla/websocket":             10, // slack-go's sockets, without their methods
	"github.com/stretchr/":                     0,
}

// The program has no library that it does not use, and of each about as much as today.
func TestBinaryContainsNoDeadWeight(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("the sizes are those of amd64")
	}
	sizes := map[string]int{}
	out, err := exec.CommandContext(t.Context(), "go", "tool", "nm", "-size", program(t, "plain")).Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line) // address, size, kind, name
		if len(fields) < 4 || !strings.EqualFold(fields[2], "T") {
			continue
		}
		size, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		sizes[partOf(fields[3])] += size
	}
	require.Greater(t, sizes["modernc.org/"], 1_000_000, "SQLite is in it: the names are read correctly")
	for _, part := range slices.Sorted(maps.Keys(sizes)) {
		most, listed := partsOfBinary[part]
		if !listed && part != "" {
			most = 100
		}
		if part != "" && sizes[part] > most*1000 {
			t.Errorf("%s has %d kB of code, %d are expected", part, sizes[part]/1000, most)
		}
	}
}

// partOf returns the part of a symbol: the longest listed beginning, or else the host and the owner of its package. It is
// empty for the standard library.
func partOf(symbol string) string {
	best := ""
	for part := range partsOfBinary {
		if strings.HasPrefix(symbol, part) && len(part) > len(best) {
			best = part
		}
	}
	host, rest, _ := strings.Cut(symbol, "/")
	if best != "" || !strings.Contains(host, ".") || rest == "" {
		return best
	}
	owner, _, _ := strings.Cut(rest, "/")
	return host + "/" + owner
}
