package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// clientConfig is the file in which operators keep the workers that they call. The commands only read it, except for
// `contexts use`.
type clientConfig struct {
	// Context is the name of the context for calls without --context.
	Context  string                   `yaml:"context"`
	Contexts map[string]workerContext `yaml:"contexts"`
}

// workerContext is a worker, and the credential for it. Paths that are not absolute begin at the folder of the file.
type workerContext struct {
	URL        string `yaml:"url"`
	TokenFile  string `yaml:"token_file"`
	CAFile     string `yaml:"ca_file"`
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"`
}

// clientConfigPath returns the path of the file: --client-config, or client.yaml in the user's folder for configurations.
func clientConfigPath(w *world, named string) string {
	if named != "" {
		return named
	}
	folder := w.getenv("XDG_CONFIG_HOME")
	if folder == "" && w.getenv("HOME") != "" {
		folder = filepath.Join(w.getenv("HOME"), ".config")
	}
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "approval-relay", "client.yaml")
}

// readClientConfig reads the file. Without a file there are no contexts, unless somebody has named the file.
func readClientConfig(w *world, named string) (c clientConfig, path string, err error) {
	path = clientConfigPath(w, named)
	if path == "" {
		return c, "", nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	switch {
	case errors.Is(err, os.ErrNotExist) && named == "":
		return c, path, nil
	case err != nil:
		return c, path, fmt.Errorf("read the client configuration: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
		return c, path, fmt.Errorf("client configuration %s: %s", path, yaml.FormatError(err, false, false))
	}
	for name, x := range c.Contexts {
		if x.URL == "" {
			return c, path, fmt.Errorf("client configuration %s: contexts.%s.url: is missing", path, name)
		}
		for _, file := range []*string{&x.TokenFile, &x.CAFile, &x.CertFile, &x.KeyFile} {
			if *file != "" && !filepath.IsAbs(*file) {
				*file = filepath.Join(filepath.Dir(path), *file)
			}
		}
		c.Contexts[name] = x
	}
	return c, path, nil
}

// find returns the context with this name.
func (c clientConfig) find(name, path string) (workerContext, error) {
	found, ok := c.Contexts[name]
	if !ok {
		names := slices.Sorted(maps.Keys(c.Contexts))
		return found, &statusError{fmt.Errorf("there is no context %q in %s; there are: %s", name, path,
			cmp.Or(strings.Join(names, ", "), "none")), statusUsage}
	}
	return found, nil
}

// contextsCmd has the commands about the client configuration.
type contextsCmd struct {
	List contextsListCmd `cmd:"" default:"withargs" help:"List the contexts."`
	Use  contextsUseCmd  `cmd:"" help:"Make a context that of all calls without --context."`
}

// contextsFlags name the file.
type contextsFlags struct {
	ClientConfig string `env:"APPROVAL_RELAY_CLIENT_CONFIG" placeholder:"FILE" group:"The worker" help:"Path of the client configuration; the default is approval-relay/client.yaml in $XDG_CONFIG_HOME or ~/.config."`
}

type contextsListCmd struct {
	outputFlags
	contextsFlags
}

// Run lists the contexts.
func (c *contextsListCmd) Run(w *world) error {
	config, _, err := readClientConfig(w, c.ClientConfig)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(config.Contexts))
	if c.JSON {
		type entry struct {
			Name    string `json:"name"`
			URL     string `json:"url"`
			Current bool   `json:"current"`
		}
		list := make([]entry, 0, len(names))
		for _, name := range names {
			list = append(list, entry{name, config.Contexts[name].URL, name == config.Context})
		}
		return printJSON(w.stdout, list)
	}
	l := listing{columns: []column{{name: "current"}, {name: "context"}, {name: "url"}, {name: "token_file", wide: true}}}
	for _, name := range names {
		mark := ""
		if name == config.Context {
			mark = "*"
		}
		l.add(mark, name, config.Contexts[name].URL, config.Contexts[name].TokenFile)
	}
	if err := l.print(w, &c.outputFlags); err != nil {
		return err
	}
	if len(names) == 0 {
		fmt.Fprintln(w.stderr, "the client configuration has no context")
	}
	return nil
}

type contextsUseCmd struct {
	contextsFlags
	Name string `arg:"" help:"The name of the context."`
}

// Run changes the line `context` of the file, and leaves everything else as it is.
func (c *contextsUseCmd) Run(w *world) error {
	config, path, err := readClientConfig(w, c.ClientConfig)
	if err != nil {
		return err
	}
	if _, err := config.find(c.Name, path); err != nil {
		return err
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("read the client configuration: %w", err)
	}
	line := fmt.Sprintf("context: %q", c.Name)
	lines := strings.Split(string(text), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "context:") })
	if at < 0 {
		lines = append([]string{line}, lines...)
	} else {
		lines[at] = line
	}
	changed := strings.Join(lines, "\n")
	var check clientConfig
	if err := yaml.UnmarshalWithOptions([]byte(changed), &check, yaml.Strict()); err != nil || check.Context != c.Name {
		return fmt.Errorf("the client configuration %s cannot be changed line by line: set its field context yourself", path)
	}
	if err := replaceFile(path, []byte(changed)); err != nil {
		return fmt.Errorf("write the client configuration: %w", err)
	}
	fmt.Fprintf(w.stdout, "calls without --context go to %s, at %s\n", c.Name, config.Contexts[c.Name].URL)
	return nil
}

// replaceFile replaces the content of a file atomically, and keeps its mode.
func replaceFile(path string, content []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
