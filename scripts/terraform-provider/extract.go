package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The package @cdktf/provider-aws is generated from the schema of the provider. In index.js, a function xToHclTerraform
// lists the attributes and blocks that may be written in a block x, and a class has a getter for each attribute that may
// be read. In index.d.ts, an interface says which must be written.
var (
	written = regexp.MustCompile(
		`(?s)\n\s+(\w+): \{\n\s+value: (.*?),\n\s+isBlock: (true|false),\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)"`)
	reference = regexp.MustCompile(`(\w+)ToHclTerraform[,)(]`)
	readable  = regexp.MustCompile(`get(\w+)Attribute\('(\w+)'\)`)
	inSet     = regexp.MustCompile(`tolist\(this\.get\w+Attribute\('(\w+)'\)\)`)
	required  = regexp.MustCompile(`(?m)^    readonly (\w+): `)
)

// source is the code of a resource or data source.
type source struct {
	code, types string
}

// extract writes the schema of resources, and of data sources with the prefix data., out of the unpacked npm package.
func extract(w io.Writer, folder string, names []string) error {
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		return err
	}
	version := regexp.MustCompile(`provider version ([0-9.]+)`).FindStringSubmatch(string(readme))
	if version == nil {
		return fmt.Errorf("%s names no version of the provider", folder)
	}
	s := schema{Version: version[1], Resources: map[string]block{}, Data: map[string]block{}}
	if s.Provider, err = blockOf(folder, "provider", "AwsProvider"); err != nil {
		return err
	}
	for _, name := range names {
		to, file := s.Resources, name
		if data, ok := strings.CutPrefix(name, "data."); ok {
			to, name, file = s.Data, data, "data_"+data
		}
		file = strings.Replace(strings.ReplaceAll(file, "_", "-"), "aws-", "", 1)
		if strings.HasPrefix(file, "data-") {
			file = "data-aws-" + strings.TrimPrefix(file, "data-")
		}
		if to[name], err = blockOf(folder, file, pascal(file)); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(s)
}

// pascal returns the name of a class: SqsQueue for sqs-queue.
func pascal(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}

func blockOf(folder, file, class string) (block, error) {
	code, err := os.ReadFile(filepath.Join(folder, "lib", file, "index.js"))
	if err != nil {
		return block{}, err
	}
	types, err := os.ReadFile(filepath.Join(folder, "lib", file, "index.d.ts"))
	if err != nil {
		return block{}, err
	}
	s := source{code: string(code), types: string(types)}
	_, body, found := strings.Cut(s.code, "\nclass "+class+" extends")
	if !found {
		return block{}, fmt.Errorf("%s has no class %s", file, class)
	}
	_, attributes, _ := strings.Cut(body, "synthesizeHclAttributes()")
	return s.block(attributes, class+"Config", body), nil
}

// block returns a block from the list of what may be written, the interface with what must be, and the class with what
// may be read.
func (s source) block(attributes, config, class string) block {
	b := block{Attributes: map[string]attribute{}, Blocks: map[string]nested{}}
	must := s.required(config)
	for _, a := range written.FindAllStringSubmatch(attributes, -1) {
		name, value, isBlock, kind, storage := a[1], a[2], a[3] == "true", a[4], a[5]
		if !isBlock {
			mode := "optional"
			if must[name] {
				mode = "required"
			}
			b.Attributes[name] = attribute{Type: attributeType(kind, storage), Mode: mode}
			continue
		}
		inner := reference.FindStringSubmatch(value)
		n := nested{Nesting: "single", Required: must[name], block: s.named(inner[1])}
		if strings.Contains(value, "listMapperHcl") {
			n.Nesting = kind
		}
		b.Blocks[name] = n
	}
	class, _, _ = strings.Cut(class, "\nclass ")
	sets := map[string]bool{}
	for _, name := range inSet.FindAllStringSubmatch(class, -1) {
		sets[name[1]] = true
	}
	for _, r := range readable.FindAllStringSubmatch(class, -1) {
		kind, name := r[1], r[2]
		if _, known := b.Attributes[name]; known {
			continue
		}
		b.Attributes[name] = attribute{Type: readType(kind, sets[name]), Mode: "computed"}
	}
	return b
}

// named returns the block that a function xToHclTerraform describes.
func (s source) named(function string) block {
	_, body, _ := strings.Cut(s.code, "\nfunction "+function+"ToHclTerraform(")
	attributes, _, _ := strings.Cut(body, "// remove undefined attributes")
	class := strings.ToUpper(function[:1]) + function[1:]
	_, getters, _ := strings.Cut(s.code, "\nclass "+class+"OutputReference extends")
	return s.block(attributes, class, getters)
}

// required returns the names of the required fields, as Terraform spells them.
func (s source) required(config string) map[string]bool {
	_, body, _ := strings.Cut(s.types, "\nexport interface "+config+" ")
	body, _, _ = strings.Cut(body, "\n}")
	names := map[string]bool{}
	for _, name := range required.FindAllStringSubmatch(body, -1) {
		names[strings.ToLower(regexp.MustCompile(`[A-Z]`).ReplaceAllString(name[1], "_$0"))] = true
	}
	return names
}

func attributeType(kind, storage string) string {
	switch {
	case kind == "map":
		return "map of string"
	case kind == "list", kind == "set":
		return kind + " of string"
	case storage == "boolean":
		return "bool"
	}
	return storage
}

func readType(kind string, isSet bool) string {
	switch {
	case kind == "List" && isSet:
		return "set of string"
	case kind == "List":
		return "list of string"
	case kind == "StringMap":
		return "map of string"
	case kind == "Boolean":
		return "bool"
	}
	return strings.ToLower(kind)
}
