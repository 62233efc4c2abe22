package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/record"
)

// future is the name of the unknown fields in these tests, and futureValue the beginning of their values.
const future = "from_the_future"

// filled returns an order in which every field that is stored has a value, and every list two elements.
func filled(t *testing.T) *approval.Order {
	t.Helper()
	o := &approval.Order{}
	n := 0
	fillValue(reflect.ValueOf(o).Elem(), &n)
	o.ID = "o"
	return o
}

func fillValue(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(1_700_000_000+*n), 0).UTC()))
		return
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes(fmt.Appendf(nil, `{"b":%d.50,"a":[]}`, *n))
		return
	case v.Type() == reflect.TypeFor[json.Number]():
		v.SetString(strconv.Itoa(*n))
		return
	case v.Type() == reflect.TypeFor[approval.Output]():
		v.Set(reflect.ValueOf(approval.Output{"n": "x"}))
		return
	case v.Type() == reflect.TypeFor[approval.Token]():
		v.Set(reflect.ValueOf(approval.NewToken(fmt.Sprint("token", *n))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillValue(v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillValue(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fillValue(key, n)
			fillValue(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	default:
		panic("no value for " + v.Type().String())
	}
}

// addFuture adds an unknown field to every object of a record whose members this program knows, and returns their number.
func addFuture(t reflect.Type, value any, n *int) any {
	t = elementType(t)
	switch v := value.(type) {
	case map[string]any:
		isOpen := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
		switch {
		case t.Kind() == reflect.Struct && !isOpen:
			for name, kind := range jsonFields(t) {
				if member, ok := v[name]; ok {
					v[name] = addFuture(kind, member, n)
				}
			}
			*n++
			v[future] = map[string]any{"n": *n, "html": "<a&b>", "number": json.Number("1.500")}
		case t.Kind() == reflect.Map && !isOpen:
			for key := range v {
				v[key] = addFuture(t.Elem(), v[key], n)
			}
		}
	case []any:
		for i := range v {
			if t.Kind() == reflect.Slice {
				v[i] = addFuture(t.Elem(), v[i], n)
			}
		}
	}
	return value
}

// withFuture returns a record that a newer program could have written.
func withFuture(t *testing.T, b []byte) (newer []byte, fields int) {
	t.Helper()
	value := addFuture(reflect.TypeFor[jsonRecord](), parse(t, b), &fields)
	newer, err := json.Marshal(value)
	require.NoError(t, err)
	return newer, fields
}

func parse(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var value any
	require.NoError(t, d.Decode(&value))
	return value
}

// withoutFuture removes the unknown fields and returns their number.
func withoutFuture(value any) (known any, removed int) {
	switch v := value.(type) {
	case map[string]any:
		if _, ok := v[future]; ok {
			delete(v, future)
			removed++
		}
		for key, member := range v {
			m, n := withoutFuture(member)
			v[key] = m
			removed += n
		}
	case []any:
		for i, member := range v {
			m, n := withoutFuture(member)
			v[i] = m
			removed += n
		}
	}
	return value, removed
}

func TestUnknownFieldsAreKeptEverywhere(t *testing.T) {
	t.Parallel()
	plain, err := encodeJSON(filled(t), Unknown{}, reversed{})
	require.NoError(t, err)
	newer, fields := withFuture(t, plain)
	require.Greater(t, fields, 60, "one in every object")

	o, unknown, err := DecodeForUpdate("o", newer, reversed{})
	require.NoError(t, err)
	require.False(t, unknown.IsEmpty())
	got, err := Encode("o", o, unknown, reversed{})
	require.NoError(t, err)
	require.Equal(t, parse(t, newer), parse(t, got))
	require.Contains(t, string(got), `"number":1.500`, "numbers keep their text")

	o, unknown, err = DecodeForUpdate("o", plain, reversed{})
	require.NoError(t, err)
	require.True(t, unknown.IsEmpty())
	got, err = Encode("o", o, unknown, reversed{})
	require.NoError(t, err)
	require.True(t, record.Is(got), "it is written in the present form")
}

// TestUnknownFieldsThroughChanges changes the known part of a record in all the ways of transitions: elements are added,
// changed and removed, and members become zero. The known part is the same as without unknown fields, and what is still
// there has its unknown fields.
func TestUnknownFieldsThroughChanges(t *testing.T) {
	t.Parallel()
	plain, err := encodeJSON(filled(t), Unknown{}, reversed{})
	require.NoError(t, err)
	newer, fields := withFuture(t, plain)
	text, err := json.Marshal(filled(t).Approvals[0])
	require.NoError(t, err)
	inApproval := 0
	addFuture(reflect.TypeFor[approval.Approval](), parse(t, text), &inApproval)
	for name, c := range map[string]struct {
		change func(*approval.Order)
		lost   int
	}{
		"an approval is added": {func(o *approval.Order) { o.Approvals = append(o.Approvals, &approval.Approval{ID: "new"}) }, 0},
		"an approval is removed": {
			func(o *approval.Order) { o.Approvals = o.Approvals[1:] }, inApproval,
		},
		"the order of approvals changes": {
			func(o *approval.Order) { o.Approvals[0], o.Approvals[1] = o.Approvals[1], o.Approvals[0] }, 0,
		},
		"a status changes": {func(o *approval.Order) { o.Approvals[1].Status = approval.Approved }, 0},
		"a vote is void":   {func(o *approval.Order) { o.Approvals[0].Votes[0].Void = !o.Approvals[0].Votes[0].Void }, 0},
		"a vote is added": {func(o *approval.Order) {
			o.Approvals[0].Votes = append(o.Approvals[0].Votes, approval.Vote{DecisionID: "d"})
		}, 0},
		"an event is added and the oldest is gone": {func(o *approval.Order) {
			o.History = append(o.History[1:], approval.Event{Kind: approval.EventReminded})
		}, 1},
		"a probe ends": {func(o *approval.Order) { o.Approvals[0].Probe = approval.Probe{} }, 0},
		"all events are gone": {func(o *approval.Order) {
			o.History = nil
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apply := func(b []byte) []byte {
				o, unknown, err := DecodeForUpdate("o", b, reversed{})
				require.NoError(t, err)
				c.change(o)
				got, err := encodeJSON(o, unknown, reversed{})
				require.NoError(t, err)
				return got
			}
			got, kept := withoutFuture(parse(t, apply(newer)))
			want, _ := withoutFuture(parse(t, apply(plain)))
			dropEmptyObjects(got)
			dropEmptyObjects(want)
			require.Equal(t, want, got)
			require.Equal(t, fields-c.lost, kept)
		})
	}
}

// dropEmptyObjects removes the objects that had only unknown fields.
func dropEmptyObjects(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if m, ok := member.(map[string]any); ok && len(m) == 0 {
				delete(v, key)
				continue
			}
			dropEmptyObjects(member)
		}
	case []any:
		for _, member := range v {
			dropEmptyObjects(member)
		}
	}
}

// TestUnknownFieldsThroughTransitions takes an order of a newer program through its life.
func TestUnknownFieldsThroughTransitions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	env := func() approval.Environment {
		now = now.Add(time.Minute)
		return approval.Environment{Now: now, Lease: time.Minute}
	}
	request := func(step string) approval.Request {
		return approval.Request{
			Token: approval.NewToken("token of " + step), Target: "sfn", Workflow: "orders", Step: step,
			Policy:    approval.Policy{Kind: approval.PolicyAll},
			Approvers: []approval.Approver{{ID: "ann@example.com", Nonce: "a"}, {ID: "ben@example.com", Nonce: "b"}},
			Channels:  []string{"email"}, Deadline: now.Add(time.Hour), Retention: time.Hour,
		}
	}
	o := &approval.Order{ID: "o"}
	_, _, err := o.AddRequest(request("one"), env())
	require.NoError(t, err)
	b, err := encodeJSON(o, Unknown{}, reversed{})
	require.NoError(t, err)
	b, fields := withFuture(t, b)
	steps := []func(o *approval.Order) error{
		func(o *approval.Order) error { _, _, err := o.AddRequest(request("two"), env()); return err },
		func(o *approval.Order) error {
			_, _, err := o.Decide(approval.Decision{
				ID: "d1", Outcome: approval.Approve, By: "ann@example.com", Principal: "ann@example.com", Step: "one", Via: approval.ViaLink,
			}, approval.UnmatchedRetention{}, env())
			return err
		},
		func(o *approval.Order) error { o.Advance(env()); return nil },
		func(o *approval.Order) error { now = now.Add(90 * time.Minute); o.Advance(env()); return nil },
	}
	for _, step := range steps {
		o, unknown, err := DecodeForUpdate("o", b, reversed{})
		require.NoError(t, err)
		require.NoError(t, step(o))
		b, err = Encode("o", o, unknown, reversed{})
		require.NoError(t, err)
	}
	o, err = Decode("o", b, reversed{})
	require.NoError(t, err)
	require.Equal(t, approval.TimedOut, o.Approvals[0].Status)
	_, kept := withoutFuture(parse(t, b))
	require.Equal(t, fields, kept)
}

func TestWriterVersionStays(t *testing.T) {
	t.Parallel()
	newer := fmt.Sprintf(`{"v":%d,"w":%d,"order":{"id":"o","unmatched":[{"id":"d"}],"%s":1}}`, jsonReaderVersion, jsonRecordVersion+7, future)
	o, unknown, err := DecodeForUpdate("o", []byte(newer), reversed{})
	require.NoError(t, err)
	b, err := Encode("o", o, unknown, reversed{})
	require.NoError(t, err)
	require.Equal(t, jsonRecordVersion+7, VersionsOf(b).Writer)
	require.Contains(t, string(b), future)

	_, err = Decode("o", fmt.Appendf(nil, `{"v":%d,"order":["another shape"]}`, jsonReaderVersion+1), reversed{})
	require.ErrorContains(t, err, "a newer program wrote it")
	_, err = Decode("o", []byte(newer+"{}"), reversed{})
	require.ErrorContains(t, err, "damaged")
	_, err = Decode("o", fmt.Appendf(nil, `{"v":%d,"order":{"id":"o","%s":1,"approvals":7}}`, jsonReaderVersion, future), reversed{})
	require.ErrorContains(t, err, "damaged", "an error behind an unknown field")
}
