package main

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestMemoryLimitOfTheControlGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"not Linux": {nil, 0},
		"version 2, in a container": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"version 2, without a limit": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 2, a unit within a slice that is smaller": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/relay.service\n",
			"sys/fs/cgroup/system.slice/relay.service/memory.max": "1073741824\n",
			"sys/fs/cgroup/system.slice/memory.max":               "536870912\n"}, 512 << 20},
		"version 2, the path of the host": {map[string]string{
			"proc/self/cgroup": "0::/../kubepods/pod1\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"version 1": {map[string]string{
			"proc/self/cgroup":                                    "4:memory:/docker/x\n1:cpu:/docker/x\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          "9223372036854771712\n",
			"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "134217728\n"}, 128 << 20},
		"version 1, without a limit": {map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"what nobody can read": {map[string]string{
			"proc/self/cgroup": "odd\n0::/\n:::\n", "sys/fs/cgroup/memory.max": "-7"}, 0},
	} {
		machine := fstest.MapFS{}
		for path, text := range c.files {
			machine[path] = &fstest.MapFile{Data: []byte(text)}
		}
		require.Equal(t, c.want, memoryLimit(machine), name)
	}
}

// What the environment says comes first.
func TestMemorySettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gogc, gomemlimit string
		limit            int64
		want             memorySettings
	}{
		"no limit":              {"", "", 0, memorySettings{percent: 200}},
		"a limit":               {"", "", 1000, memorySettings{percent: 400, limit: 800}},
		"GOMEMLIMIT":            {"", "180MiB", 1000, memorySettings{percent: 400}},
		"GOMEMLIMIT=off":        {"", "off", 1000, memorySettings{percent: 200}},
		"GOGC":                  {"100", "", 1000, memorySettings{limit: 800}},
		"GOGC, without a limit": {"off", "", 0, memorySettings{}},
		"GOGC and GOMEMLIMIT":   {"50", "1GiB", 1000, memorySettings{}},
	} {
		getenv := func(name string) string { return map[string]string{"GOGC": c.gogc, "GOMEMLIMIT": c.gomemlimit}[name] }
		require.Equal(t, c.want, chooseMemorySettings(getenv, c.limit), name)
	}
}
