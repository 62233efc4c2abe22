package docs

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
)

// TestSchemaAcceptsExamples checks every configuration in the guides, in examples/ and in deploy/ against the schema for
// editors.
func TestSchemaAcceptsExamples(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("../../deploy/relay.schema.json")
	require.NoError(t, err)
	examples := map[string][]byte{}
	for file, text := range readGuides(t) {
		for _, m := range yamlBlock.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], "# chart values\n") {
				examples[file+":\n"+m[1]] = []byte(m[1])
			}
		}
	}
	files, err := filepath.Glob("../../examples/*/relay.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range append(files, "../../deploy/compose/relay.yaml") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		examples[file] = text
	}
	require.Greater(t, len(examples), 20)
	for name, text := range examples {
		var document map[string]any
		require.NoError(t, yaml.Unmarshal(text, &document), name)
		asJSON, err := json.Marshal(document)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(value), name)
	}
}
