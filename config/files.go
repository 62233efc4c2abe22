package config

import (
	"reflect"
	"slices"

	"github.com/approval-relay/approval-relay/secret"
)

// fileNamer is implemented by settings that name files, such as templates.
type fileNamer interface{ Files() []string }

// Files lists the files that the configuration was read from beside its own: secrets, templates, and the token file.
func (c *Config) Files() []string {
	var files []string
	walk(reflect.ValueOf(c).Elem(), "", func(_ string, v reflect.Value) {
		switch value := v.Interface().(type) {
		case secret.Text:
			files = append(files, value.File())
		case fileNamer:
			files = append(files, value.Files()...)
		}
	})
	if len(c.Operator.Tokens) == 0 {
		files = append(files, c.Operator.TokenFile)
	}
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), func(path string) bool { return path == "" })
}
