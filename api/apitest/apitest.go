// Package apitest compares HTTP answers with an OpenAPI description, so that a test fails when the program answers
// in a way that its description does not have.
package apitest

import (
	"bytes"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Description is an OpenAPI document. It is safe for concurrent use.
type Description struct {
	document map[string]any

	mu       sync.Mutex // of compiler, which must not be used by two goroutines at once
	compiler *jsonschema.Compiler
}

// location is the name of the document within the compiler.
const location = "https://openapi.invalid/openapi.json"

// New reads an OpenAPI document.
func New(document []byte) (*Description, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	root, ok := parsed.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the description is a %T, not an object", parsed)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(location, parsed); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	return &Description{document: root, compiler: c}, nil
}

// CheckSchema reports how a JSON text differs from a schema of the description's components.
func (d *Description) CheckSchema(name string, text []byte) error {
	return d.check("/components/schemas/"+name, text)
}

// Describes reports whether the description has the operation.
func (d *Description) Describes(method, path string) bool {
	_, ok := d.template(method, path)
	return ok
}

// CheckAnswer reports how an answer differs from its description. A path without a description is an error too.
func (d *Description) CheckAnswer(method, path string, status int, contentType string, body []byte) error {
	template, ok := d.template(method, path)
	if !ok {
		return fmt.Errorf("%s %s is not described", method, path)
	}
	pointer := "/paths/" + escape(template) + "/" + strings.ToLower(method) + "/responses"
	responses, pointer, _ := d.find(pointer)
	code, ok := responseCode(responses, status)
	if !ok {
		return fmt.Errorf("%s %s answers %d, which is not described", method, template, status)
	}
	response, pointer, _ := d.find(pointer + "/" + code)
	kind, _, _ := mime.ParseMediaType(contentType)
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 && len(body) == 0 {
		return nil
	}
	if _, ok := content[kind]; !ok {
		return fmt.Errorf("%s %s answers %d as %q, which is not described", method, template, status, contentType)
	}
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	if err := d.check(pointer+"/content/"+escape(kind)+"/schema", body); err != nil {
		return fmt.Errorf("%s %s, %d: %w", method, template, status, err)
	}
	return nil
}

func (d *Description) compile(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.compiler.Compile(location + "#" + pointer)
}

func (d *Description) check(pointer string, text []byte) error {
	schema, err := d.compile(pointer)
	if err != nil {
		return fmt.Errorf("compile %s: %w", pointer, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return nil
}

// template returns the described path that a path of a request matches. Literal segments come before parameters.
func (d *Description) template(method, path string) (string, bool) {
	paths, _ := d.document["paths"].(map[string]any)
	var found []string
	for template, item := range paths {
		operations, _ := item.(map[string]any)
		if _, ok := operations[strings.ToLower(method)]; ok && matches(template, path) {
			found = append(found, template)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	if len(found) == 0 {
		return "", false
	}
	return found[0], true
}

func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") && g != "" })
}

// responseCode returns the described code of a status: the status itself, its class, or the default.
func responseCode(responses map[string]any, status int) (string, bool) {
	text := strconv.Itoa(status)
	for _, code := range []string{text, text[:1] + "XX", "default"} {
		if _, ok := responses[code]; ok {
			return code, true
		}
	}
	return "", false
}

// find returns the object at a JSON pointer, and its pointer after references.
func (d *Description) find(pointer string) (map[string]any, string, bool) {
	at := d.document
	for segment := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		next, ok := at[strings.NewReplacer("~1", "/", "~0", "~").Replace(segment)].(map[string]any)
		if !ok {
			return nil, pointer, false
		}
		at = next
	}
	if ref, ok := at["$ref"].(string); ok {
		return d.find(strings.TrimPrefix(ref, "#"))
	}
	return at, pointer, true
}

func escape(segment string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(segment) }

// Properties returns the names of a schema's properties.
func (d *Description) Properties(schema string) []string {
	at, _, _ := d.find("/components/schemas/" + schema + "/properties")
	names := make([]string, 0, len(at))
	for name := range at {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
