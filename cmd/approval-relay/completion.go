package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd prints the script that lets a shell ask the program itself for completions.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script.
func (c *completionCmd) Run(w *world) error {
	fmt.Fprint(w.stdout, completionScripts()[c.Shell])
	return nil
}

// completionScripts returns the script of each shell. All of them call the hidden command `complete` with the words of
// the line up to the cursor.
func completionScripts() map[string]string {
	return map[string]string{
		"bash": `# Completion of approval-relay. In ~/.bashrc: source <(approval-relay completion bash)
_approval_relay() {
  local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  # bash takes --flag=value apart at the equals sign; it completes the value alone.
  [[ ${COMP_WORDS[COMP_CWORD-1]} = "=" ]] && words=("${words[@]:0:${#words[@]}-3}" "${COMP_WORDS[COMP_CWORD-2]}=${COMP_WORDS[COMP_CWORD]}")
  local IFS=$'\n'
  COMPREPLY=($(approval-relay complete -- "${words[@]}" 2>/dev/null))
  [[ ${COMP_WORDS[COMP_CWORD-1]} = "=" ]] && COMPREPLY=("${COMPREPLY[@]#*=}")
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} = *= ]] && compopt -o nospace
}
complete -o default -F _approval_relay approval-relay
`,
		"zsh": `#compdef approval-relay
# Completion of approval-relay. In ~/.zshrc, after compinit: source <(approval-relay completion zsh)
_approval_relay() {
  local -a candidates
  candidates=("${(@f)$(approval-relay complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -- "${(@)candidates:#}" || _files
}
compdef _approval_relay approval-relay
`,
		"fish": `# Completion of approval-relay. In ~/.config/fish/completions/approval-relay.fish: approval-relay completion fish | source
complete -c approval-relay -a '(approval-relay complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
	}
}

// completeCmd prints the completions of the last word, each on its line.
type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:"all"`
}

// Run prints the completions. It never fails: a shell has nowhere to show an error.
func (c *completeCmd) Run(w *world, parser *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	config, _, err := readClientConfig(w, w.getenv("APPROVAL_RELAY_CLIENT_CONFIG"))
	if err != nil {
		config = clientConfig{}
	}
	contexts := slices.Sorted(maps.Keys(config.Contexts))
	for _, candidate := range completions(parser.Model.Node, words, contexts) {
		fmt.Fprintln(w.stdout, candidate)
	}
	return nil
}

// completions returns what the last word can become: commands, flags, values of flags and arguments, or names of
// contexts. All other values are left to the shell, which completes the names of files.
func completions(node *kong.Node, words, contexts []string) []string {
	var flags []*kong.Flag
	var positional int
	last := words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		flags = append(flags, node.Flags...)
		if strings.HasPrefix(word, "-") {
			continue
		}
		if child := childOf(node, word); child != nil {
			node = child
			positional = 0
		} else {
			positional++
		}
	}
	flags = append(flags, node.Flags...)
	var found []string
	name, value, hasValue := strings.Cut(last, "=")
	switch {
	case hasValue:
		for _, v := range valuesOf(flags, name, contexts) {
			if strings.HasPrefix(v, value) {
				found = append(found, name+"="+v)
			}
		}
		return found
	case strings.HasPrefix(last, "-"):
		for _, f := range flags {
			if !f.Hidden {
				found = append(found, flagWord(f))
			}
		}
	case positional < len(node.Positional):
		found = slices.Clone(node.Positional[positional].EnumSlice())
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				found = append(found, child.Name)
			}
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return !strings.HasPrefix(s, last) })
	slices.Sort(found)
	return slices.Compact(found)
}

func childOf(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word {
			return child
		}
	}
	return nil
}

// flagWord returns a flag as it is written on the command line.
func flagWord(f *kong.Flag) string {
	if f.IsBool() {
		return "--" + f.Name
	}
	return "--" + f.Name + "="
}

// valuesOf returns the known values of a flag.
func valuesOf(flags []*kong.Flag, name string, contexts []string) []string {
	for _, f := range flags {
		switch {
		case "--"+f.Name != name:
		case f.Name == "context":
			return contexts
		default:
			return f.EnumSlice()
		}
	}
	return nil
}
