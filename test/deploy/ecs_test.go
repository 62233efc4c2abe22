package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
)

// TestFargateFiles runs the command of the container that runs first, and checks that the worker can read what it writes,
// and others cannot.
func TestFargateFiles(t *testing.T) {
	t.Parallel()
	var task struct {
		ContainerDefinitions []struct {
			Name    string
			Command []string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, root+"deploy/ecs/fargate/task-definition.json")), &task))
	files := task.ContainerDefinitions[0]
	require.Equal(t, "files", files.Name)
	require.Len(t, files.Command, 3)

	dir := t.TempDir()
	config, tools := filepath.Join(dir, "config"), filepath.Join(dir, "tools")
	require.NoError(t, os.Mkdir(config, 0o700))
	require.NoError(t, os.Mkdir(tools, 0o700))
	// Only root may give files away.
	require.NoError(t, os.WriteFile(filepath.Join(tools, "chown"), []byte("#!/bin/sh\necho \"$@\" >"+dir+"/chown\n"), 0o700))
	require.NoError(t, keys.NewRing(time.Now()).CreateFile(filepath.Join(dir, "made.keys")))
	relay := "channels: {mail: {smtp: {password: \"${SMTP_PASSWORD}\"}}} # 100 %s\n"
	script := strings.ReplaceAll(strings.ReplaceAll(files.Command[2], "/config", config), "/data", dir+"/data")
	cmd := exec.CommandContext(t.Context(), files.Command[0], files.Command[1], script)
	cmd.Env = []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "RELAY_YAML=" + relay, "RELAY_KEYS=" + strings.TrimSpace(read(t, filepath.Join(dir, "made.keys")))}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)

	require.Equal(t, relay, read(t, filepath.Join(config, "relay.yaml")), "variables are the worker's to replace")
	_, err = keys.LoadFile(filepath.Join(config, "relay.keys"))
	require.NoError(t, err)
	for _, name := range []string{"relay.yaml", "relay.keys"} {
		info, err := os.Stat(filepath.Join(config, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, name)
	}
	require.Equal(t, "-R 65532:65532 "+config+" "+dir+"/data\n", read(t, filepath.Join(dir, "chown")))
}
