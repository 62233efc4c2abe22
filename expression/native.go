package expression

import (
	"errors"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxValue bounds what one expression gives: bytes of text, and one for each value
// and name. No part of a body of a megabyte has as much, but a loop can give the
// same part many times, which costs it nothing.
const maxValue = 4 << 20

// toNative turns CEL's value into Go's: nil, text, bool, number, bytes, time,
// duration, []any or map[string]any. CEL's own conversion would make null the
// number 0 in a list, and an object in it a map that JSON cannot write.
func toNative(v ref.Val) (any, error) {
	left := maxValue
	return (*sizeBudget)(&left).convert(v)
}

// sizeBudget is how much more a value may have.
type sizeBudget int

// spend takes room for a value with so many bytes of text.
func (r *sizeBudget) spend(bytes int) error {
	if *r -= sizeBudget(1 + bytes); *r < 0 {
		return fmt.Errorf("gives more than %d MiB", maxValue>>20)
	}
	return nil
}

func (r *sizeBudget) convert(v ref.Val) (any, error) {
	if err := r.spend(0); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case nil, types.Null:
		return nil, nil
	case ref.Type: // its Value is its name: "string" where string(…) was meant
		return nil, errors.New("is a type, which JSON does not have")
	case *types.Optional:
		if !x.HasValue() {
			return nil, nil
		}
		return r.convert(x.GetValue())
	case traits.Mapper:
		return r.convertObject(x)
	case traits.Lister:
		return r.convertList(x)
	}
	return r.convertScalar(v)
}

func (r *sizeBudget) convertScalar(v ref.Val) (any, error) {
	switch x := v.Value().(type) {
	case string:
		return x, r.spend(len(x))
	case []byte:
		return x, r.spend(len(x))
	case bool, int64, uint64, time.Duration:
		return x, nil
	case time.Time: // its zone may be one that JSON cannot write
		return x.UTC(), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, errors.New("is no finite number")
		}
		return x, nil
	}
	return nil, fmt.Errorf("is of type %s, which JSON does not have", v.Type().TypeName())
}

func (r *sizeBudget) convertList(v traits.Lister) (any, error) {
	out := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		item, err := r.convert(it.Next())
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func (r *sizeBudget) convertObject(v traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.Value().(string)
		if !ok || key.Type() != types.StringType {
			return nil, errors.New("is an object whose names are not all texts")
		}
		if err := r.spend(len(name)); err != nil {
			return nil, err
		}
		item, err := r.convert(v.Get(key))
		if err != nil {
			return nil, err
		}
		out[name] = item
	}
	return out, nil
}
