package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// maxNodes bounds the nodes of a file after its aliases were resolved: a few lines of nested aliases can stand for
// billions of them.
const maxNodes = 200_000

// resolver replaces aliases by the nodes that they name.
type resolver struct {
	anchors map[string]ast.Node
	open    map[string]bool // anchors that are being resolved
	nodes   int
	depth   int
}

// aliasError is the error of an alias that cannot be resolved.
type aliasError struct {
	line int
	text string
}

// Error returns the text without the line.
func (e *aliasError) Error() string { return e.text }

func failAt(n ast.Node, format string, args ...any) error {
	return &aliasError{line: n.GetToken().Position.Line, text: fmt.Sprintf(format, args...)}
}

// resolveAliases returns the tree with every alias replaced by the node of its anchor.
func resolveAliases(body ast.Node) (ast.Node, error) {
	r := &resolver{anchors: map[string]ast.Node{}, open: map[string]bool{}}
	for _, n := range ast.Filter(ast.AnchorType, body) {
		anchor, ok := n.(*ast.AnchorNode)
		if ok && anchor.Name != nil {
			r.anchors[anchor.Name.GetToken().Value] = anchor.Value
		}
	}
	return r.resolve(body)
}

func (r *resolver) resolve(n ast.Node) (ast.Node, error) {
	if r.nodes++; r.nodes > maxNodes {
		return nil, failAt(n, "has more than %d values, with its aliases resolved", maxNodes)
	}
	if r.depth++; r.depth > 2*maxDepth { // a mapping has two levels of nodes
		return nil, failAt(n, "nests deeper than %d levels, with its aliases resolved", maxDepth)
	}
	defer func() { r.depth-- }()
	switch n := n.(type) {
	case *ast.AnchorNode:
		return r.resolve(n.Value)
	case *ast.AliasNode:
		return r.resolveAlias(n)
	case *ast.MappingNode:
		list := make([]*ast.MappingValueNode, 0, len(n.Values))
		for _, value := range n.Values {
			resolved, err := r.resolveEntry(value)
			if err != nil {
				return nil, err
			}
			list = append(list, resolved)
		}
		copied := *n
		copied.Values = list
		return &copied, nil
	case *ast.MappingValueNode:
		return r.resolveEntry(n)
	case *ast.SequenceNode:
		copied := *n
		copied.Values = make([]ast.Node, len(n.Values))
		for i, value := range n.Values {
			resolved, err := r.resolve(value)
			if err != nil {
				return nil, err
			}
			copied.Values[i] = resolved
		}
		return &copied, nil
	}
	return n, nil
}

func (r *resolver) resolveEntry(n *ast.MappingValueNode) (*ast.MappingValueNode, error) {
	value, err := r.resolve(n.Value)
	if err != nil {
		return nil, err
	}
	copied := *n
	copied.Value = value
	return &copied, nil
}

func (r *resolver) resolveAlias(n *ast.AliasNode) (ast.Node, error) {
	name := n.Value.GetToken().Value
	target, known := r.anchors[name]
	switch {
	case !known:
		return nil, failAt(n, "has an alias without an anchor; a text that begins with * is written in quotes")
	case r.open[name]:
		return nil, failAt(n, "has an alias within its own anchor")
	}
	r.open[name] = true
	defer delete(r.open, name)
	return r.resolve(target)
}

// entries returns the entries of a mapping, with merge keys (<<) resolved: an entry of the mapping itself comes before
// a merged one of the same name, and an earlier merged mapping before a later one. The second result reports whether
// the node is a mapping.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	var own []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		own = n.Values
	case *ast.MappingValueNode:
		own = []*ast.MappingValueNode{n}
	default:
		return nil, false
	}
	var list, merged []*ast.MappingValueNode
	names := map[string]bool{}
	for _, entry := range own {
		if entry.Key.Type() != ast.MergeKeyType {
			list = append(list, entry)
			names[keyText(entry.Key)] = true
			continue
		}
		sources := []ast.Node{entry.Value}
		if sequence, ok := entry.Value.(*ast.SequenceNode); ok {
			sources = sequence.Values
		}
		for _, source := range sources {
			part, ok := entries(source)
			if !ok { // an alias of a text: the entry is kept, so that it is reported as an unknown field
				list = append(list, entry)
			}
			merged = append(merged, part...)
		}
	}
	for _, entry := range merged {
		if name := keyText(entry.Key); !names[name] {
			names[name] = true
			list = append(list, entry)
		}
	}
	return list, true
}

// keyText returns the text of a key, quoted or not.
func keyText(key ast.MapKeyNode) string {
	if text, ok := key.(*ast.StringNode); ok {
		return text.Value
	}
	return key.String()
}
