package email

import (
	"errors"
	"fmt"
	"os"

	"github.com/approval-relay/approval-relay/setup"
)

// Files are the settings of an e-mail's templates: paths of files with Go templates.
type Files struct {
	Subject string `yaml:"subject" doc:"path of a text/template; its output is put on one line"`
	Text    string `yaml:"text" doc:"path of a text/template, which must show {{.Link}}"`
	HTML    string `yaml:"html" doc:"path of an html/template, which must have href=\"{{.Link}}\""`

	parsed *Templates // set by Validate
}

// Validate reads the files and executes the templates with an example. It reports each fault with the file and its line.
func (f *Files) Validate(c *setup.Check) {
	if f.parsed != nil {
		return
	}
	paths := map[string]string{"subject": f.Subject, "text": f.Text, "html": f.HTML}
	texts := map[string]string{}
	readable := true
	for _, part := range []string{"subject", "text", "html"} {
		if paths[part] == "" {
			continue
		}
		content, err := os.ReadFile(paths[part])
		switch {
		case err != nil:
			c.Fault(part, "%s", err)
			readable = false
		case len(content) == 0: // an empty text would stand for the built-in template
			c.Fault(part, "%s is empty", paths[part])
			readable = false
		}
		texts[part] = string(content)
	}
	templates, err := ParseTemplates(Source{Subject: texts["subject"], Text: texts["text"], HTML: texts["html"]})
	faults, _ := errors.AsType[Faults](err)
	for _, fault := range faults {
		where := paths[fault.Part]
		if fault.Line > 0 {
			where = fmt.Sprintf("%s, line %d", where, fault.Line)
		}
		c.Fault(fault.Part, "%s: %s", where, fault.What)
	}
	if readable && err == nil {
		f.parsed = templates
	}
}

// Parsed returns the templates that Validate parsed, or the built-in templates if it was not called.
func (f *Files) Parsed() (*Templates, error) {
	if f.parsed != nil {
		return f.parsed, nil
	}
	return ParseTemplates(Source{})
}

// FilesOf returns settings with templates that are parsed already, for tests and previews.
func FilesOf(t *Templates) Files { return Files{parsed: t} }

// Files lists the paths of the templates.
func (f Files) Files() []string {
	var paths []string
	for _, path := range []string{f.Subject, f.Text, f.HTML} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// CheckSender reports a text that is not an e-mail address, with or without a name.
func CheckSender(c *setup.Check, name, text string) {
	c.Required(name, text)
	if _, err := ParseSender(text); err != nil && text != "" {
		c.Fault(name, "%q is not an e-mail address", text)
	}
}
