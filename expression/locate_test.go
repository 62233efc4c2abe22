package expression

import "testing"

// A place that the input has without a value differs from a place that it lacks.
func TestLocate(t *testing.T) {
	t.Parallel()
	type result struct {
		source string
		empty  bool
	}
	for body, want := range map[string]result{
		`{}`:                              {"", false},
		`{"approvers":null}`:              {"body.approvers", true},
		`{"approvers":""}`:                {"body.approvers", true},
		`{"approvers":[]}`:                {"body.approvers", false},
		`{"approvers":null,"boss":"ann"}`: {"body.boss", false},
		`{"boss":null}`:                   {"body.boss", true},
		`{"order":{"boss":null}}`:         {"body.order.boss", true},
		`{"order":"A-1"}`:                 {"", false},
		`{"login":""}`:                    {"string(body.login)", true},
		`{"login":"ann"}`:                 {"string(body.login)", false},
	} {
		compiler, err := NewCompiler()
		if err != nil {
			t.Fatal(err)
		}
		f, err := compiler.Compile("body.approvers", "body.boss", "body.order.boss", "string(body.login)")
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeJSON([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		source, empty := f.Locate(Input{Body: decoded})
		if got := (result{source, empty}); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}
