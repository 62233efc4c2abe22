package deploy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// kubernetes is the version that manifests are rendered for and validated against.
const kubernetes = "1.30"

// object is a rendered manifest, or a part of one.
type object = map[string]any

// tool returns the path of a tool that scripts/deploy-tools installs, or skips the test. The suite of `make deploy-check`
// does not skip: it looks for the tools itself.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join(toolsFolder(t), name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not installed (scripts/deploy-tools)", name)
	}
	return path
}

func toolsFolder(t *testing.T) string {
	t.Helper()
	if folder := os.Getenv("DEPLOY_TOOLS"); folder != "" {
		return folder
	}
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	return filepath.Join(home, ".cache/approval-relay/tools")
}

// render returns what the chart makes of values, or Helm's refusal.
func render(t *testing.T, helm, values string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(file, []byte(values), 0o600))
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), helm, "template", "relay", chartFolder, "--namespace", "approvals",
		"--kube-version", kubernetes, "--is-upgrade", "--values", file)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if cmd.Run() != nil {
		return "", errors.New(stderr.String())
	}
	return stdout.String(), nil
}

// objects decodes rendered manifests.
func objects(t *testing.T, manifests string) []object {
	t.Helper()
	var all []object
	decoder := yaml.NewDecoder(strings.NewReader(manifests))
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if o != nil {
			all = append(all, o)
		}
	}
}

// at returns the value at a path such as "Service/relay-operator.spec.ports[operator].port": the kind of an object, with
// its name where there are several, and below it fields, elements by their name, and elements by their number. The value
// of a path that leads nowhere is nil.
func at(all []object, path string) any {
	what, path, _ := strings.Cut(path, ":")
	kind, name, _ := strings.Cut(what, "/")
	i := slices.IndexFunc(all, func(o object) bool {
		return o["kind"] == kind && (name == "" || field(o, "metadata", "name") == name)
	})
	if i < 0 {
		return nil
	}
	var value any = all[i]
	for _, step := range regexp.MustCompile(`[^.\[\]]+|\[[^\]]+\]`).FindAllString(path, -1) {
		value = below(value, step)
	}
	return value
}

// below returns the value one step below another.
func below(value any, step string) any {
	if element, ok := strings.CutPrefix(step, "["); ok {
		element = strings.TrimSuffix(element, "]")
		if fields, isMap := value.(object); isMap {
			return fields[element]
		}
		list, _ := value.([]any)
		if n, err := strconv.Atoi(element); err == nil && n < len(list) {
			return list[n]
		}
		for _, v := range list {
			if o, isMap := v.(object); isMap && o["name"] == element {
				return o
			}
		}
		return nil
	}
	fields, _ := value.(object)
	return fields[step]
}

// field returns the value of nested fields.
func field(value any, steps ...string) any {
	for _, step := range steps {
		value = below(value, step)
	}
	return value
}

// TestChartCombinations renders each combination of values, looks for what it asks for, checks what must hold in all of
// them, and validates them against the schemas of Kubernetes.
func TestChartCombinations(t *testing.T) {
	t.Parallel()
	helm := tool(t, "helm")
	folder := t.TempDir()
	t.Run("render", func(t *testing.T) {
		for name, c := range combinations() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				manifests, err := render(t, helm, c.values)
				if c.refused != "" {
					require.ErrorContains(t, err, c.refused)
					return
				}
				require.NoError(t, err)
				all := objects(t, manifests)
				for path, want := range c.want {
					require.Equal(t, fmt.Sprint(want), fmt.Sprint(at(all, path)), path)
				}
				requireSound(t, all)
				require.NoError(t, os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(manifests), 0o600))
			})
		}
	})
	if t.Failed() {
		return
	}
	t.Run("schemas of Kubernetes", func(t *testing.T) {
		validate := exec.CommandContext(t.Context(), tool(t, "kubectl-validate"), "--version", kubernetes, folder,
			"--local-crds", filepath.Join(toolsFolder(t), "crds"))
		output, err := validate.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
}

// requireSound checks what holds for each combination: names fit, volumes and ConfigMaps that are used exist, and
// selectors meet the worker's pod and no other.
func requireSound(t *testing.T, all []object) {
	t.Helper()
	names := map[any]bool{}
	for _, o := range all {
		name := fmt.Sprint(field(o, "metadata", "name"))
		require.LessOrEqual(t, len(name), 63, name)
		require.Equal(t, "approvals", field(o, "metadata", "namespace"), "%s %s", o["kind"], name)
		names[fmt.Sprint(o["kind"], "/", name)] = true
	}
	worker := workload(all)
	pod := field(worker, "spec", "template")
	requireVolumes(t, names, pod, field(worker, "spec", "volumeClaimTemplates"))
	labels, _ := field(pod, "metadata", "labels").(object)
	for _, o := range all {
		selector := field(o, "spec", "selector")
		if labelled := field(selector, "matchLabels"); labelled != nil {
			selector = labelled
		}
		if s, ok := selector.(object); ok && o["kind"] != "ServiceMonitor" {
			require.Subset(t, labels, s, "%s selects no worker", o["kind"])
		}
		job := field(o, "spec", "template")
		if o["kind"] == "CronJob" {
			job = field(o, "spec", "jobTemplate", "spec", "template")
		}
		if o["kind"] == "Job" || o["kind"] == "CronJob" {
			requireVolumes(t, names, job, nil)
			require.NotEqual(t, labels["app.kubernetes.io/name"], field(job, "metadata", "labels", "app.kubernetes.io/name"))
		}
	}
	grace, err := strconv.Atoi(fmt.Sprint(field(pod, "spec", "terminationGracePeriodSeconds")))
	require.NoError(t, err)
	require.GreaterOrEqual(t, grace, 35)
}

// workload returns the StatefulSet or Deployment of the worker, of which there is exactly one.
func workload(all []object) object {
	found := slices.DeleteFunc(slices.Clone(all), func(o object) bool {
		return o["kind"] != "StatefulSet" && o["kind"] != "Deployment"
	})
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// requireVolumes checks that a pod's mounts have volumes, and its ConfigMaps of this chart exist.
func requireVolumes(t *testing.T, names map[any]bool, pod, claims any) {
	t.Helper()
	volumes := map[any]bool{}
	list, _ := field(pod, "spec", "volumes").([]any)
	for _, v := range list {
		require.False(t, volumes[field(v, "name")], "two volumes have the name %s", field(v, "name"))
		volumes[field(v, "name")] = true
		if field(v, "name") == "config" {
			require.True(t, names[fmt.Sprint("ConfigMap/", field(v, "configMap", "name"))], "%v", v)
		}
	}
	templates, _ := claims.([]any)
	for _, c := range templates {
		volumes[field(c, "metadata", "name")] = true
	}
	containers, _ := field(pod, "spec", "containers").([]any)
	require.NotEmpty(t, containers)
	for _, c := range containers {
		mounts, _ := field(c, "volumeMounts").([]any)
		for _, m := range mounts {
			require.True(t, volumes[field(m, "name")], "%v has no volume", m)
		}
	}
}

// TestCombinationsAreEnough keeps the number of combinations, and holds that each value of the chart is in one of them.
func TestCombinationsAreEnough(t *testing.T) {
	t.Parallel()
	require.Greater(t, len(combinations()), 110)
	var values object
	decode(t, chartFolder+"values.yaml", &values)
	var all strings.Builder
	all.WriteString(read(t, "testdata/values/good_full.yaml"))
	for _, c := range combinations() {
		all.WriteString(c.values + "\n")
	}
	for name := range maps.Keys(values) {
		require.True(t, regexp.MustCompile(`(?m)(^|[{ ,])`+name+`:`).MatchString(all.String()), "no combination has the value %s", name)
	}
}
