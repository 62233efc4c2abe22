package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

const schemaFile = "../deploy/relay.schema.json"

// TestSchema compares the shipped schema with the code. With -update it writes the schema.
func TestSchema(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(config.Schema()))
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, text.Bytes(), 0o600))
	}
	want, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String(), "go test ./config -run TestSchema -update writes it")
}

// compileSchema returns the schema of configuration files. Its compiler checks the schema itself.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(config.Schema())
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource(config.SchemaURL, document))
	schema, err := compiler.Compile(config.SchemaURL)
	require.NoError(t, err)
	return schema
}

// TestSchemaAcceptsGoodFiles checks every good file of testdata against the schema.
func TestSchemaAcceptsGoodFiles(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	files, err := filepath.Glob("testdata/files/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoError(t, schema.Validate(readDocument(t, file)), file)
	}
	require.NoError(t, schema.Validate(map[string]any{}))
}

// TestSchemaRefusesWrongFiles checks the files with faults that an editor can find: names, types and lists of values.
func TestSchemaRefusesWrongFiles(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	for _, name := range []string{
		"name-of-part", "name-of-field", "name-of-scheme", "name-of-channel-kind", "name-of-target-kind", "name-of-request-field",
		"name-reserved", "enum", "policy", "kind-missing", "kind-twice", "type-list", "type-mapping", "type-parts",
		"type-duration", "type-number", "type-truth-value", "type-time", "type-expression", "secret-form", "defaults",
	} {
		require.Error(t, schema.Validate(readDocument(t, "testdata/wrong/"+name+".yaml")), name)
	}
}

// readDocument reads a file of YAML or JSON as the values of JSON.
func readDocument(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !strings.HasSuffix(file, ".json") {
		var document map[string]any
		require.NoError(t, yaml.Unmarshal(text, &document), file)
		text, err = json.Marshal(document)
		require.NoError(t, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err, file)
	return value
}
