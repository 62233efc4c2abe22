package sqlite

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func TestRecentIsOfExactlyTheseBytes(t *testing.T) {
	t.Parallel()
	var r recentOrders
	o := &approval.Order{ID: "o", JudgedDecisions: []approval.JudgedDecision{{ID: "d"}}}
	assert.Nil(t, taken(&r, "o", nil), "before there is anything")
	r.keepOrder("o", []byte("one"), o, store.NewUnknown())
	o.JudgedDecisions[0].ID = "changed"
	got := taken(&r, "o", []byte("one"))
	require.NotNil(t, got)
	assert.Equal(t, "d", got.JudgedDecisions[0].ID)
	assert.Nil(t, taken(&r, "o", []byte("one")), "who took it has it to himself")
	r.keepOrder("o", []byte("one"), o, store.NewUnknown())
	r.keepOrder("o", []byte("two"), o, store.NewUnknown())
	assert.Nil(t, taken(&r, "o", []byte("one")))
	assert.Nil(t, taken(&r, "o", []byte("two")), "it was another's")
	assert.Zero(t, r.size)
}

func taken(r *recentOrders, orderID string, record []byte) *approval.Order {
	o, _ := r.takeOrder(orderID, record)
	return o
}

func TestOnlyWhatIsDurableIsRead(t *testing.T) {
	t.Parallel()
	var r recentOrders
	assert.Nil(t, r.copyDurable("o"))
	r.keepOrder("o", []byte("one"), &approval.Order{ID: "o", JudgedDecisions: []approval.JudgedDecision{{ID: "d"}}}, store.NewUnknown())
	assert.Nil(t, r.copyDurable("o"), "its transaction goes on")
	r.markDurable("o", []byte("another"))
	assert.Nil(t, r.copyDurable("o"))
	r.markDurable("o", []byte("one"))
	got := r.copyDurable("o")
	require.NotNil(t, got)
	got.JudgedDecisions[0].ID = "changed"
	assert.Equal(t, "d", r.copyDurable("o").JudgedDecisions[0].ID)
	r.keepOrder("o", []byte("two"), got, store.NewUnknown())
	assert.Nil(t, r.copyDurable("o"))
}

func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	var r recentOrders
	for i := range 3 * recentBytes / 1000 {
		r.keepOrder(orderName(i), make([]byte, 1000), &approval.Order{}, store.NewUnknown())
		require.LessOrEqual(t, r.size, recentBytes)
		require.Equal(t, r.size, 1000*len(r.orders))
	}
	r.keepOrder("long", make([]byte, recentBytes), &approval.Order{}, store.NewUnknown())
	assert.NotContains(t, r.orders, "long")
}

// TestDeepCopy copies an order with values in all fields, and changes all of them.
func TestDeepCopy(t *testing.T) {
	t.Parallel()
	output := func() map[string]any {
		return map[string]any{"list": []any{1, map[string]any{"a": "b"}, nil}, "text": "x"}
	}
	var o, c approval.Order
	fillValue(reflect.ValueOf(&o).Elem(), "x")
	o.Approvals[0].Output = output()
	before, err := json.Marshal(o)
	require.NoError(t, err)
	deepCopy(reflect.ValueOf(&c).Elem(), reflect.ValueOf(&o).Elem())
	require.Equal(t, o, c)
	fillValue(reflect.ValueOf(&o).Elem(), "y")
	o.Approvals[0].Output["text"] = "y"
	c.Approvals[0].Output["list"].([]any)[1].(map[string]any)["a"] = "c"
	require.Equal(t, "b", o.Approvals[0].Output["list"].([]any)[1].(map[string]any)["a"])
	c.Approvals[0].Output = output()
	after, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))
}

// fillValue sets every text that can be reached, and creates missing values on the way.
func fillValue(v reflect.Value, text string) {
	switch v.Type() {
	case reflect.TypeFor[json.Number]():
		v.SetString(fmt.Sprint(text[0]))
		return
	case reflect.TypeFor[json.RawMessage]():
		if v.IsNil() {
			v.SetBytes(make([]byte, len(text)+2))
		}
		copy(v.Bytes(), `"`+text+`"`) // in place: a copy that shares the bytes shows it
		return
	}
	switch v.Kind() {
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if value.Kind() == reflect.Interface {
			value.Set(reflect.ValueOf(text))
		} else {
			fillValue(value, text)
		}
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), value)
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillValue(v.Field(i), text)
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fillValue(v.Elem(), text)
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		fillValue(v.Index(0), text)
	}
}
