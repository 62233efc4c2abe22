package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/approval-relay/approval-relay/config"
)

// configCmd helps to write a configuration file.
type configCmd struct {
	Init       configInitCmd       `cmd:"" help:"Print a configuration file to start with: every setting is in it, with its description."`
	Show       configShowCmd       `cmd:"" help:"Print the effective values of a configuration file: with defaults, without secrets."`
	PublicKeys configPublicKeysCmd `cmd:"" help:"Print the public keys of signing_keys, for the receivers of callbacks and notifications."`
	Schema     configSchemaCmd     `cmd:"" help:"Print the JSON Schema of the configuration file, for editors."`
}

type configInitCmd struct{}

// Run prints the starting file.
func (*configInitCmd) Run(w *world) error {
	_, err := fmt.Fprint(w.stdout, config.StartingFile())
	return err
}

type configShowCmd struct {
	File   string `arg:"" help:"The configuration file; - is the standard input."`
	Output string `enum:"yaml,json" default:"yaml" short:"o" help:"Form of the output: yaml or json."`
}

// Run prints the effective values.
func (c *configShowCmd) Run(w *world) error {
	conf, _, err := config.Load(c.File, w.stdin, w.getenv)
	if err != nil {
		return err
	}
	show := conf.ShowYAML
	if c.Output == "json" {
		show = conf.ShowJSON
	}
	text, err := show()
	if err != nil {
		return err
	}
	_, err = w.stdout.Write(text)
	return err
}

type configPublicKeysCmd struct {
	File string `arg:"" help:"The configuration file; - is the standard input."`
}

// Run prints the part of the file and the key, a line for each key.
func (c *configPublicKeysCmd) Run(w *world) error {
	conf, _, err := config.Load(c.File, w.stdin, w.getenv)
	if err != nil {
		return err
	}
	keys := conf.PublicKeys()
	for _, part := range slices.Sorted(maps.Keys(keys)) {
		for _, key := range keys[part] {
			fmt.Fprintf(w.stdout, "%s  %s\n", part, key)
		}
	}
	if len(keys) == 0 {
		fmt.Fprintln(w.stderr, "no target and no channel has signing_keys")
	}
	return nil
}

type configSchemaCmd struct{}

// Run prints the schema.
func (*configSchemaCmd) Run(w *world) error {
	encoder := json.NewEncoder(w.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(config.Schema())
}
