package api

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
)

// openAPI describes every route. Tests compare it with the routes and the types.
//
//go:embed openapi.json
var openAPI []byte

// description serves the description of every route.
func (e *Endpoints) description() http.Handler {
	return serveDescription(openAPI)
}

// publicDescription serves the description of the public routes: strangers learn nothing of the operator's address.
func (e *Endpoints) publicDescription() http.Handler {
	return serveDescription(describePublic(openAPI))
}

func serveDescription(text []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text)
	})
}

// describePublic returns a description with nothing but the public routes and the components that they refer to. Their
// paths are relative to the address that serves it. It returns an empty object for a text that is no description, which
// the tests rule out for ours.
func describePublic(description []byte) []byte {
	var document map[string]any
	if json.Unmarshal(description, &document) != nil {
		return []byte("{}")
	}
	for _, part := range []string{"servers", "security", "tags", "webhooks"} {
		delete(document, part)
	}
	if info, ok := document["info"].(map[string]any); ok {
		info["description"] = "The public address: the decision page, webhooks, and the buttons of chats."
	}
	paths, _ := document["paths"].(map[string]any)
	public := publicPaths()
	for path, item := range paths {
		if !public[path] {
			delete(paths, path)
		} else if item, ok := item.(map[string]any); ok {
			delete(item, "servers")
		}
	}
	components, _ := document["components"].(map[string]any)
	delete(document, "components")
	if used := usedComponents(document, components); len(used) > 0 {
		document["components"] = used
	}
	text, err := json.Marshal(document)
	if err != nil {
		return []byte("{}")
	}
	return text
}

func publicPaths() map[string]bool {
	paths := map[string]bool{}
	for _, r := range publicRoutes() {
		paths[r.pattern[strings.Index(r.pattern, "/"):]] = true
	}
	return paths
}

// usedComponents returns the components to which a value refers, directly or by another component.
func usedComponents(value any, components map[string]any) map[string]any {
	used := map[string]any{}
	var visit func(any)
	visit = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, element := range v {
				visit(element)
			}
		case map[string]any:
			for _, member := range v {
				visit(member)
			}
			reference, _ := v["$ref"].(string)
			name, isComponent := strings.CutPrefix(reference, "#/components/")
			kind, name, _ := strings.Cut(name, "/")
			if !isComponent {
				return
			}
			group, _ := used[kind].(map[string]any)
			if group == nil {
				group = map[string]any{}
				used[kind] = group
			}
			if _, seen := group[name]; seen {
				return
			}
			all, _ := components[kind].(map[string]any)
			group[name] = all[name]
			visit(all[name])
		}
	}
	visit(value)
	return used
}
