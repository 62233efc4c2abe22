package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxValue bounds the result of an expression: the bytes of its texts, and one for each value and name. A part of a
// body of a megabyte is always smaller, but a loop can return the same part many times at no cost.
const maxValue = 4 << 20

// toNative converts a value of CEL to Go: nil, text, bool, number, bytes, time, duration, []any or map[string]any.
// CEL's own conversion would turn a null in a list into the number 0, and an object in a list into a map that JSON
// cannot write.
func toNative(v ref.Val) (any, error) {
	left := maxValue
	return (*sizeBudget)(&left).convert(v)
}

// sizeBudget is the size that is left for the rest of a result.
type sizeBudget int

// spend reserves the size of a value with this number of bytes of text.
func (b *sizeBudget) spend(bytes int) error {
	if *b -= sizeBudget(1 + bytes); *b < 0 {
		return fmt.Errorf("results in more than %d MiB", maxValue>>20)
	}
	return nil
}

func (b *sizeBudget) convert(v ref.Val) (any, error) {
	if err := b.spend(0); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case nil, types.Null:
		return nil, nil
	case ref.Type: // an expression like string instead of string(…)
		return nil, errors.New("is a type, and JSON has no types")
	case *types.Optional:
		if !x.HasValue() {
			return nil, nil
		}
		return b.convert(x.GetValue())
	case traits.Mapper:
		return b.convertObject(x)
	case traits.Lister:
		return b.convertList(x)
	}
	return b.convertScalar(v)
}

func (b *sizeBudget) convertScalar(v ref.Val) (any, error) {
	switch x := v.Value().(type) {
	case string:
		return x, b.spend(len(x))
	case json.Number:
		return x, b.spend(len(x))
	case []byte:
		return x, b.spend(len(x))
	case bool, int64, uint64, time.Duration:
		return x, nil
	case time.Time: // JSON cannot write every time zone
		return x.UTC(), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, errors.New("is not a finite number")
		}
		return x, nil
	}
	return nil, fmt.Errorf("is of type %s, and JSON has no such type", v.Type().TypeName())
}

func (b *sizeBudget) convertList(v traits.Lister) (any, error) {
	out := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		item, err := b.convert(it.Next())
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func (b *sizeBudget) convertObject(v traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.Value().(string)
		if !ok || key.Type() != types.StringType {
			return nil, errors.New("is an object with names that are not texts")
		}
		if err := b.spend(len(name)); err != nil {
			return nil, err
		}
		item, err := b.convert(v.Get(key))
		if err != nil {
			return nil, err
		}
		out[name] = item
	}
	return out, nil
}
