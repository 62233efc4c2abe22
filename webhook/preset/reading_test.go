package preset_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/webhook/preset"
)

// reader reads bodies by the expressions of a sender.
type reader struct {
	filter *expression.Field
	fields map[string]*expression.Field
}

// readers returns a reader for every sender that is known.
func readers(t *testing.T) map[string]reader {
	t.Helper()
	compiler, err := expression.NewCompiler()
	require.NoError(t, err)
	all := map[string]reader{}
	for _, kind := range config.SchemeKinds() {
		sender, isSender := kind.New().(preset.Sender)
		if !isSender {
			continue
		}
		filter, fields := sender.Reading().Expressions(map[string][]string{
			"order":   {"body.orderId", "body.order_id", "body.order.id"},
			"outcome": {"body.decision", "body.outcome", "body.approved", "body.status", "body.action"},
			"by":      {"body.decidedBy", "body.approver", "body.by", "body.user"},
		})
		r := reader{fields: map[string]*expression.Field{}}
		r.filter, err = compiler.Compile(filter)
		require.NoError(t, err, kind.Name)
		for name, places := range fields {
			r.fields[name], err = compiler.Compile(places...)
			require.NoError(t, err, "%s, %s", kind.Name, name)
		}
		all[kind.Name] = r
	}
	return all
}

// read returns the fields of a decision. It returns nil if the body is no decision, or cannot be read.
func (r reader) read(body any) map[string]any {
	in := expression.Input{Body: body}
	if wanted, _, err := r.filter.Find(in); err != nil || wanted != true {
		return nil
	}
	found := map[string]any{}
	for name, field := range r.fields {
		value, ok, err := field.Find(in)
		if err != nil {
			return nil
		}
		if ok {
			found[name] = value
		}
	}
	return found
}

// A part of a body that is missing or of another type never turns an approval into a rejection or a rejection into an
// approval. The control: the body as it is has its outcome.
func TestDamagedBodiesAreNoOtherDecision(t *testing.T) {
	t.Parallel()
	words := map[string]string{
		"approve": "approve", "approved": "approve", "Approve": "approve", "Approved": "approve",
		"reject": "reject", "rejected": "reject", "Rejected": "reject", "Declined": "reject",
	}
	damaged := 0
	for name, r := range readers(t) {
		files, err := filepath.Glob(filepath.Join("testdata", name, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, name)
		for _, file := range files {
			want, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "_")
			if want != "approve" && want != "reject" {
				continue
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			body := decode(t, text)
			whole := r.read(body)
			require.Equal(t, want, words[textOf(whole["outcome"])], file)
			require.NotEmpty(t, whole["order"], file)
			for _, change := range []any{nil, "", "x", true, 7.0, []any{}, map[string]any{}, missing{}} {
				eachPlace(body, func(replace func(any) any) {
					other := r.read(replace(change))
					outcome := words[textOf(other["outcome"])]
					if outcome != "" && outcome != want {
						t.Errorf("%s, changed to %v: %v", file, change, other)
					}
					damaged++
				})
			}
		}
	}
	require.Greater(t, damaged, 5000)
}

// missing stands for a member that is left out.
type missing struct{}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	body, err := expression.DecodeJSON(text)
	require.NoError(t, err)
	return body
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// eachPlace calls f for every place within a value, with a function that returns a copy of the value with another value
// in that place.
func eachPlace(v any, f func(replace func(any) any)) {
	switch parent := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(parent)) {
			within := func(other any) any {
				c := maps.Clone(parent)
				if c[name] = other; other == (missing{}) {
					delete(c, name)
				}
				return c
			}
			f(within)
			eachPlace(parent[name], func(replace func(any) any) {
				f(func(other any) any { return within(replace(other)) })
			})
		}
	case []any:
		for i := range parent {
			within := func(other any) any {
				c := slices.Clone(parent)
				if c[i] = other; other == (missing{}) {
					c = slices.Delete(c, i, i+1)
				}
				return c
			}
			f(within)
			eachPlace(parent[i], func(replace func(any) any) {
				f(func(other any) any { return within(replace(other)) })
			})
		}
	}
}

// Bodies that the users of a sender write, or other senders that sign alike, are read like those of any webhook.
func TestOwnBodies(t *testing.T) {
	t.Parallel()
	body := map[string]any{"orderId": "A-1", "decision": "approve", "decidedBy": "ann@example.com", "review": "x", "type": 1.0}
	for name, r := range readers(t) {
		found := r.read(body)
		require.Equal(t, "A-1", found["order"], name)
		require.Equal(t, "approve", found["outcome"], name)
		require.Equal(t, "ann@example.com", found["by"], name)
	}
}

// The words of Teams, as its clients write them.
func TestTeamsTexts(t *testing.T) {
	t.Parallel()
	r := readers(t)["teams"]
	long := strings.Repeat("<p> a&amp;b ", 2300) // Teams takes 28 kB
	for text, want := range map[string][3]string{
		"<at>approvals</at> approve A-1 " + long: {
			"approve", "A-1", strings.ReplaceAll(long[:3000-len("<at>approvals</at> approve A-1 ")], "&amp;", "&") + " …",
		},
		"<at>approvals</at> approve A-1\n":               {"approve", "A-1", ""},
		"<at>approvals</at>&nbsp;approve&nbsp;A-1&nbsp;": {"approve", "A-1", ""},
		"<at>approvals</at> Reject\u00a0A-1  not  now\n": {"Reject", "A-1", "not now"},
		"<at>my approvals</at>\napprove\nA-1\nfine":      {"approve", "A-1", "fine"},
		"approve A-1":                                           {"approve", "A-1", ""},
		"<at>approvals</at> approve a because a":                {"approve", "a", "because a"},
		"<at>approvals</at> approve R&amp;D-1":                  {"approve", "R&D-1", ""},
		"<at>approvals</at> approve A-1 see <at>Grace</at> too": {"approve", "A-1", "see @Grace too"},
	} {
		body := decode(t, []byte(`{"type": "message", "id": "1", "from": {"id": "29:1"}, "conversation": {"id": "c"}}`))
		body.(map[string]any)["text"] = text //nolint:forcetypeassert // the body is an object
		found := r.read(body)
		got := [3]string{textOf(found["outcome"]), textOf(found["order"]), textOf(found["comment"])}
		require.Equal(t, want, got, "%.100q", text)
	}
}
